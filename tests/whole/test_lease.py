"""A worker that stood still for longer than its session: somebody else has its partitions, and it must not go on."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.whole.conftest import Place
from tests.whole.events import a_crowd, a_track
from tests.whole.metrics import Metrics
from tests.whole.order import at_wigzo, faults_of
from tests.whole.topics import PARTITIONS
from tests.whole.vendors import Vendors, vendors
from tests.whole.worker import Worker, wigzo
from worker.sandbox.faults import Rule
from worker.sandbox.record import Arrival

pytestmark = pytest.mark.apache

USERS = [f"u{number}@mail.example" for number in range(60)]
EACH = 20


def test_a_worker_that_stood_still_for_longer_than_its_session_sends_nothing_more_and_joins_anew(
    place: Place, sandbox: Vendors, tmp_path: Path
) -> None:
    place.topics.produce(place.topic, a_crowd(USERS, EACH))
    kafka = place.kafka(session_timeout=3)
    sandbox.put_faults(Rule(delay=0.2))
    # A vendor each: so it is seen who sends.
    with vendors() as others:
        stopped = Worker(tmp_path, kafka, wigzo(sandbox.url, request_timeout=1, concurrency=8), name="stopped")
        other = Worker(tmp_path, kafka, wigzo(others.url, request_timeout=1), name="other")
        with stopped:
            stopped.until_metrics(lambda now: now.settled("wigzo"), "at work")
            with other:
                stopped.until_metrics(lambda now: _owns(now, PARTITIONS // 2), "its share")
                stopped.process.send_signal(signal.SIGSTOP)
                assert len(sandbox.arrivals("wigzo")) < len(USERS) * EACH / 3, "it has little left to do"
                other.until(lambda: _complete(EACH, sandbox, others), "the other has done its work")

                had = len(sandbox.arrivals("wigzo"))
                stopped.process.send_signal(signal.SIGCONT)
                stopped.until_metrics(lambda now: _owns(now, PARTITIONS // 2) and not now.pending("wigzo"), "joined")
                place.topics.produce(place.topic, [a_track(user, EACH) for user in USERS])
                stopped.until(lambda: _complete(EACH + 1, sandbox, others), "both go on")
                assert [0, 0] == [stopped.stop(), other.stop()]
        after = sandbox.arrivals("wigzo")[had:]
        arrived = at_wigzo(_in_order(sandbox, others))
    assert {EACH} == {arrival.body.get("eventval", {}).get("number") for arrival in after}
    assert [] == [fault for user in USERS for fault in faults_of(arrived[user], EACH + 1)]


def _owns(metrics: Metrics, partitions: int) -> bool:
    """So many of the topic's, and as many of the replay topic's."""
    return metrics.value("partitions_assigned", destination="wigzo") == 2 * partitions


def _complete(events: int, *of: Vendors) -> bool:
    arrived = at_wigzo(_in_order(*of))
    return all(len(set(arrived.get(user, ()))) == events for user in USERS)


def _in_order(*of: Vendors) -> list[Arrival]:
    return sorted((arrival for one in of for arrival in one.arrivals("wigzo")), key=lambda arrival: arrival.time)
