"""A vendor's published limit, spent by two real workers together."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.whole.conftest import Place
from tests.whole.events import a_track
from tests.whole.topics import PARTITIONS
from tests.whole.vendors import Vendors
from tests.whole.worker import Worker, wigzo
from worker.sandbox.limits import Limit
from worker.sandbox.server import Sandbox

RATE = 20
SECONDS = 6.0
FOR_LATE_ONES = 3  # a second has 30 ms to spare, and the machine may be busy


def _limit(sandbox: Sandbox) -> None:
    sandbox.vendors.limits = {"wigzo": Limit(RATE, 1.0, "sliding")}


@pytest.mark.apache
def test_two_workers_use_a_limit_of_twenty_a_second_between_them_and_are_next_to_never_refused(
    place: Place, sandbox: Vendors, tmp_path: Path
) -> None:
    sandbox.do(_limit)
    place.topics.produce(place.topic, [a_track(f"u{number}", 1) for number in range(1000)])
    destination = wigzo(sandbox.url, rate=f"{RATE}/s")
    first = Worker(tmp_path, place.kafka(), destination, name="first")
    second = Worker(tmp_path, place.kafka(), destination, name="second")
    with first, second:
        for worker in (first, second):
            worker.until_metrics(lambda now: now.value("partitions_assigned", destination="wigzo") == PARTITIONS)
            worker.until_metrics(lambda now: now.value("limited_by", destination="wigzo", limit="rate"), "its share")
        begun = sandbox.do(lambda served: served.clock())
        first.until(lambda: sandbox.do(lambda served: served.clock()) >= begun + SECONDS, "the time to look at")
        assert [0, 0] == [first.stop(), second.stop()]
    arrivals = [one for one in sandbox.arrivals("wigzo") if begun <= one.time < begun + SECONDS]
    refused = [one for one in arrivals if one.status == 429]
    assert len(refused) <= FOR_LATE_ONES
    assert 0.75 * RATE * SECONDS <= len(arrivals) <= RATE * SECONDS
