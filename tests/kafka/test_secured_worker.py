"""The whole worker behind TLS and a password: it delivers, or says which of them is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.kafka.conftest import PASSWORD, USER, Secured
from tests.whole.events import a_track
from tests.whole.topics import Topics
from tests.whole.vendors import Vendors, vendors
from tests.whole.worker import Tables, Worker, kafka, wigzo
from worker.sandbox.faults import Rule, Status

pytestmark = pytest.mark.apache

Names = Callable[[str], str]


@pytest.fixture
def sandbox() -> Iterator[Vendors]:
    with vendors() as served:
        yield served


def logged_in(secured: Secured, topic: str, **options: object) -> Tables:
    usual = {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_username": USER,
        "sasl_password": PASSWORD,
        "ca_file": secured.ca_file,
    }
    return kafka([secured.cluster.address("SASL_SSL")], topic, topic, **{**usual, **options})


def test_events_are_delivered_and_dead_letters_written_behind_tls_and_a_password(
    secured: Secured, sandbox: Vendors, unique: Names, tmp_path: Path
) -> None:
    topics = Topics(secured.cluster.bootstrap)
    topic = topics.create(unique("events"))
    topics.produce(topic, [a_track("good", 1), a_track("bad", 1)])
    sandbox.put_faults(Rule(users=frozenset({"bad"}), do=Status(400)))
    with Worker(tmp_path, logged_in(secured, topic), wigzo(sandbox.url)) as worker:
        metrics = worker.until_settled(2, "wigzo")
        assert worker.stop() == 0
    assert {"delivered": 1, "dead-lettered": 1} == {
        outcome: count for (outcome,), count in metrics.by("events_settled_total", "outcome").items()
    }
    assert ["refused"] == [letter.reason for letter in topics.read(f"{topic}.wigzo.dead-letters")]
    assert PASSWORD not in worker.text()


def test_a_wrong_password_an_untrusted_certificate_and_no_broker_are_told_apart(
    secured: Secured, sandbox: Vendors, unique: Names, tmp_path: Path
) -> None:
    address = secured.cluster.address("SASL_SSL")
    wrong: dict[str, dict[str, object]] = {
        "password": {"sasl_password": "another"},
        "certificate": {"ca_file": secured.foreign_ca_file},
        "address": {"bootstrap_servers": ["127.0.0.1:9"]},
    }
    workers = {
        name: Worker(
            tmp_path,
            logged_in(secured, unique("events"), **options),
            wigzo(sandbox.url),
            name=name,
            options={"start_timeout": 3},
        )
        for name, options in wrong.items()
    }
    with ExitStack() as stack:
        for worker in workers.values():
            stack.enter_context(worker)
        assert [75] * 3 == [worker.ended() for worker in workers.values()]
    said = {name: worker.text().splitlines()[-1].partition(" s: ")[2] for name, worker in workers.items()}
    # Kafka mostly closes the connection of a wrong password before its refusal is read: then "as for" says so.
    assert said.pop("password") in (
        f"{address} refuses the user name or the password (SCRAM-SHA-512)",
        f"{address} closes the connection at log-in, as for a wrong user name, password or mechanism (SCRAM-SHA-512)",
    )
    assert said == {
        "certificate": (
            f"the certificate of {address} is not trusted (unable to get local issuer certificate): "
            "does ca_file name its authority?"
        ),
        "address": "nothing listens at 127.0.0.1:9",
    }
