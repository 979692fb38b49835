"""A worker of which a part hangs or dies: it says so, and it does not stay half alive."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest

from tests.whole.conftest import Place
from tests.whole.events import a_crowd
from tests.whole.order import at_wigzo, faults_of
from tests.whole.topics import Topics
from tests.whole.vendors import Vendors
from tests.whole.worker import Worker, kafka, wigzo
from worker.sandbox.brokers import Broker
from worker.sandbox.faults import Rule, Status

USERS = [f"u{number}@mail.example" for number in range(10)]
EACH = 10
BOUNDS = {"drain_timeout": 1.5}
ON_THE_EMBEDDED = pytest.mark.parametrize("place", ["embedded"], indirect=True)

A = Callable[..., Worker]


@pytest.fixture
def a_worker(place: Place, sandbox: Vendors, tmp_path: Path) -> A:
    """``a_worker(point, passages, deed)`` is one with a trap; without arguments an ordinary one."""
    place.topics.produce(place.topic, a_crowd(USERS, EACH))

    def make(*trap: object, name: str = "first") -> Worker:
        rigged: dict[str, Any] = {"module": "tests.whole.rigged", "arguments": [str(each) for each in trap]}
        table = wigzo(sandbox.url, concurrency=4, request_timeout=1)
        return Worker(tmp_path, place.kafka(), table, name=name, options=BOUNDS, **(rigged if trap else {}))

    return make


@pytest.fixture(scope="module", autouse=True)
def of_a_hung_consumer(embedded: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """It begins with the first test: a rebalance may hold a poll up for long, so its thread is given its time."""
    topics, name = Topics(embedded.bootstrap), f"hung-{uuid.uuid4().hex[:8]}"
    tables = kafka(topics.bootstrap, topics.create(name), name), wigzo("http://127.0.0.1:1", request_timeout=1)
    trap = ("partitions are assigned", "1", "hang")
    folder = tmp_path_factory.mktemp("hung")
    with Worker(folder, *tables, options=BOUNDS, module="tests.whole.rigged", arguments=trap) as worker:
        worker.until(lambda: worker.said("admin endpoint"), "listening")
        worker.until(lambda: (200, "The worker goes on.\n") == health(worker), "healthy")
        yield worker


def health(worker: Worker) -> tuple[int, str]:
    """Status and body of /healthz; 0 where nobody answers within a second."""
    address = worker.said("admin endpoint")[-1]["address"]
    try:
        with urlopen(f"http://{address}/healthz", timeout=1) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as refused:
        return refused.code, refused.read().decode()
    except (URLError, TimeoutError):
        return 0, ""


def stuck(worker: Worker) -> list[dict[str, Any]]:
    return [line for line in worker.lines() if line["message"].startswith("stuck: ")]


@ON_THE_EMBEDDED
@pytest.mark.parametrize(
    "point",
    [
        "partitions are assigned",  # on the consumer's thread
        "polled",  # what a thread tells the loop
        "before a request",  # in a sender
        "before a commit",  # in the lane's timekeeper
    ],
)
def test_a_part_that_dies_takes_the_process_along_and_is_told_without_its_message(a_worker: A, point: str) -> None:
    with a_worker(point, 1, "fail") as worker:
        _ends_by_an_error(worker)


@pytest.mark.apache
def test_a_producer_thread_that_dies_takes_the_process_along(a_worker: A, place: Place, sandbox: Vendors) -> None:
    # Its thread has something to say of its own where a dead letter is refused.
    place.topics.create(f"{place.group}.wigzo.dead-letters", max_message_bytes="100")
    sandbox.put_faults(Rule(users=frozenset(USERS[:1]), do=Status(422)))
    with a_worker("a record was not produced", 1, "fail") as worker:
        _ends_by_an_error(worker)


@ON_THE_EMBEDDED
def test_a_loop_that_hangs_is_told_with_its_stack_and_a_stop_ends_it_all_the_same(a_worker: A) -> None:
    with a_worker("before a request", 20, "hang") as worker:
        worker.until(lambda: worker.said("trapped") and stuck(worker), "noticed")
        assert (0, "") == health(worker)
        worker.terminate()
        assert 70 == worker.ended(15)
        noticed, ended = stuck(worker)[-2:]
    assert noticed["message"].startswith("stuck: the event loop has not gone on for ")
    assert ended["message"].startswith("stuck: the drain of a stop has not ended within 6 s. This process ends now")
    assert " in hang" in ended["threads"]
    assert "× wigzo: " in ended["tasks"]


@pytest.mark.apache
def test_a_loop_that_hangs_while_partitions_are_to_leave_ends_and_nothing_is_lost(
    a_worker: A, sandbox: Vendors
) -> None:
    with a_worker("before a request", 20, "hang") as hung:
        hung.until(lambda: hung.said("trapped"), "trapped")
        with a_worker(name="second") as second:
            assert 70 == hung.ended()
            assert any(" the drain of " in line["message"] for line in stuck(hung))
            second.until(lambda: all(len({*_at(sandbox, user)}) == EACH for user in USERS), "all arrived")
            assert 0 == second.stop()
    assert [] == [fault for user in USERS for fault in faults_of(_at(sandbox, user), EACH)]


def test_a_consumer_thread_that_hangs_makes_the_worker_unhealthy(of_a_hung_consumer: Worker) -> None:
    worker = of_a_hung_consumer
    worker.until(lambda: [line for line in stuck(worker) if "consumer thread" in line["message"]], "noticed")
    status, said = health(worker)
    assert 503 == status
    assert "wigzo's consumer thread has not gone on for " in said


def _ends_by_an_error(worker: Worker) -> None:
    assert 70 == worker.ended()
    (said,) = worker.said("ended by an error")
    assert "RuntimeError" == said["error"]
    assert "rigged.py" in said["exception"]
    assert "ann@example.com" not in worker.text()


def _at(sandbox: Vendors, user: str) -> list[int]:
    return at_wigzo(sandbox.arrivals("wigzo")).get(user, [])
