"""No secret and no personal data in what the worker says of itself, whatever fails, and however it is repeated.

Everything in the events and in the set-up that nobody else may read is marked; a vendor repeats what it was sent, in
every way that a vendor may fail; a stranger's mapping puts it into its errors. Then the log, the admin endpoint and the
dead letters' own headers are searched for the marks: as they are, in part, escaped, and encoded.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from tests.whole.conftest import Place
from tests.whole.discretion import stranger
from tests.whole.discretion.marks import Marks, traces, word
from tests.whole.discretion.parrot import Parrot, parrot
from tests.whole.discretion.people import records
from tests.whole.metrics import Metrics
from tests.whole.worker import Tables, Worker, wigzo, wootric

pytestmark = pytest.mark.apache

WAYS = ("400", "401", "429", "503", "html", "no", "reset", "hang", "redirect", "cut")
MISTAKES = ("raises", "unmappable", "yields", "address", "host", "body", "header", "closes", "login")
PEOPLE = 3
# What came to the vendor, and so may have come back.
HEARD = (
    "the token of a login",
    "the proxy password",
    "wigzo-400's api_token",
    "wigzo-400's org_token (first half)",
    "the account_token alone",
    "person 0's id",
    "person 0's identify.traits.email (mailbox)",
    "person 0's identify.traits.address.street (0)",
    "person 0's track.properties.order_id",
    "the stranger's token (login) (second half)",
)
SMALL = 1 << 12  # bytes of a dead letter, at most: larger ones lose their value


@dataclass(frozen=True, slots=True)
class Said:
    """All that a worker said, by where it said it."""

    places: dict[str, str]
    heard: str  # by the vendor
    marks: Marks

    def traces(self) -> dict[str, set[str]]:
        """What is found of the marks, by place."""
        found = {place: traces(text, self.marks.words) for place, text in self.places.items()}
        return {place: marks for place, marks in found.items() if marks}


def _wigzo(marks: Marks, url: str, name: str, **options: object) -> Tables:
    tokens = {"org_token": marks.odd(f"{name}'s org_token"), "api_token": marks(f"{name}'s api_token")}
    return wigzo(url, name, settings=tokens, concurrency=4, **options)


def _wootric(marks: Marks, url: str, name: str) -> Tables:
    own = {
        "account_token": "NPS-" + marks(f"{name}'s account_token"),
        "client_secret": marks.odd(f"{name}'s client_secret"),
        "client_id": "relay",
    }
    return wootric(url, name, settings=own, concurrency=4)


def _destinations(marks: Marks, vendor: Parrot) -> Iterator[Tables]:
    for way in WAYS:
        yield _wigzo(marks, f"{vendor.url}/{way}", f"wigzo-{way}")
    for way in ("400", "401", "429"):
        yield _wootric(marks, f"{vendor.url}/{way}", f"wootric-{way}")
    alone = {"account_token": "NPS-" + marks("the account_token alone")}
    yield wootric(f"{vendor.url}/422", "wootric-alone", credentials=False, settings=alone, concurrency=4)
    proxy = f"http://relay:{marks('the proxy password')}@{vendor.url.removeprefix('http://')}"
    yield _wigzo(marks, "http://vendor.example/400", "wigzo-proxied", proxy=proxy)
    yield _wigzo(marks, f"https://{vendor.url.removeprefix('http://')}", "wigzo-tls")
    yield _wigzo(marks, "http://127.0.0.1:1", "wigzo-nowhere")
    yield _wigzo(marks, "http://nobody.invalid", "wigzo-unheard-of")
    for how in MISTAKES:
        settings = {"url": vendor.url, "how": how, "token": marks.odd(f"the stranger's token ({how})")}
        usual = {"mapping": "stranger", "start_at": "earliest", "request_timeout": 2, "concurrency": 4}
        yield {f"destinations.stranger-{how}": usual, f"destinations.stranger-{how}.settings": settings}


@pytest.fixture
def said(place: Place, tmp_path: Path) -> Iterator[Said]:
    """A run of the worker with everything that can go wrong."""
    marks = Marks()
    with parrot(marks("the token of a login")) as vendor:
        tables = [*_destinations(marks, vendor)]
        names = [table.split(".")[1] for some in tables for table in some if table.count(".") == 1]
        place.topics.create(f"{place.group}.{names[0]}.dead-letters", partitions=1, max_message_bytes=str(SMALL))
        place.topics.produce(place.topic, records(marks, PEOPLE))
        environment = {"PYTHONPATH": str(stranger.install(tmp_path / "packages"))}
        options = {"log_level": "debug", "drain_timeout": 3}
        # Many lanes in one process, on a busy machine: nobody is to lose its session over that.
        patient = place.kafka(session_timeout=30, heartbeat_interval=3)
        with Worker(tmp_path, patient, *tables, options=options, environment=environment) as worker:
            counted = worker.until_metrics(
                lambda now: all(_has_met(now, name) for name in names) and _has_the_large(now),
                "everybody has met it",
                seconds=120,
            )
            pages = {path: _page(worker, path) for path in ("/metrics", "/healthz", "/readyz", "/", "/nothing")}
            assert 0 == worker.stop()
        given_up = {name for (name,) in counted.by("dead_letters_total", "destination")}
        letters = {"the dead letters": "\n".join(_our_headers(place, name) for name in given_up)}
        listed = {"dead-letters list": _command(worker, environment, "dead-letters", "list", "-d", "wigzo-400")}
        yield Said({"the log": worker.text(), **pages, **letters, **listed}, "\n".join(vendor.heard), marks)


def _has_met(now: Metrics, name: str) -> bool:
    tried = now.value("requests_total", destination=name) >= 4
    return tried or now.settled(name) > 4 or now.state(name) != "open"


def _has_the_large(now: Metrics) -> bool:
    """One that is too large for its dead letter's topic is the second of an unknown type."""
    return now.value("dead_letters_total", destination="wigzo-400", reason="unknown-type") >= 2


def _page(worker: Worker, path: str) -> str:
    address = worker.said("admin endpoint")[-1]["address"]
    try:
        with urlopen(f"http://{address}{path}", timeout=10) as answer:
            return str(answer.read().decode())
    except HTTPError as error:
        return str(error.read().decode())


def _command(worker: Worker, environment: dict[str, str], *words: str) -> str:
    command = [sys.executable, "-m", "worker.cli", *words, "--config", str(worker.config)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **environment})
    return done.stdout + done.stderr


def _our_headers(place: Place, name: str) -> str:
    letters = place.topics.read(f"{place.group}.{name}.dead-letters")
    ours = ((header, value) for letter in letters for header, value in letter.headers.items())
    return "\n".join(f"{header}: {value}" for header, value in ours if header.startswith("relay-"))


def test_nothing_that_is_said_has_a_trace_of_a_person_or_a_secret(said: Said) -> None:
    assert {} == said.traces()
    # And all of it was where it might have come from.
    assert set() == {*HEARD} - traces(said.heard, said.marks.words)
    assert {"relay-value: too-large", "relay-reason: bug"} <= {*said.places["the dead letters"].splitlines()}
    assert "ValueError" in said.places["the log"]
    assert "refused" in said.places["dead-letters list"]


@pytest.mark.parametrize("written", ["{}", "x{}x", "%2{}%40", "eA{}"])
def test_a_trace_is_found(written: str) -> None:
    assert {"a name"} == traces(written.format(word("a name").upper()), {"a name": word("a name"), "b": word("b")})
