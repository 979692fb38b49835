"""The promises of docs/design.md that take a whole process. The others are in tests/core/test_promises.py.

Promise 10 (discretion) has a folder of its own, ``discretion``; promise 12 is kept in test_set_up.py.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.torture.isolation import AT_MOST, measure
from tests.torture.kafka_cluster import Kafka
from tests.whole.conftest import Place
from tests.whole.events import a_crowd
from tests.whole.order import at_wigzo, faults_of
from tests.whole.vendors import Vendors
from tests.whole.worker import Worker, wigzo
from worker.sandbox.brokers import Cluster
from worker.sandbox.faults import Rule

pytestmark = pytest.mark.apache

USERS = [f"u{number}@mail.example" for number in range(40)]
EACH = 25
# A p99 of a few seconds' events on a busy machine says little: the figure of the README is of ten minutes.
NOISE = 0.25  # seconds


def test_promise_3_an_outage_of_one_destination_does_not_slow_the_other_one(apache: Cluster, tmp_path: Path) -> None:
    found = measure(Kafka(apache, 1), tmp_path, warm_up=2.0, well=8.0, down=12.0, rate=60.0)
    assert found.behind, "the other one was not down"
    assert found.p99[1] <= max(AT_MOST * found.p99[0], NOISE)


def test_promise_9_a_stop_finishes_what_is_under_way_and_exits_with_0(
    place: Place, sandbox: Vendors, tmp_path: Path
) -> None:
    place.topics.produce(place.topic, a_crowd(USERS, EACH))
    sandbox.put_faults(Rule(delay=0.2))
    with Worker(tmp_path, place.kafka(), wigzo(sandbox.url, concurrency=20)) as worker:
        worker.until(lambda: len(sandbox.arrivals("wigzo")) > 100, "requests under way")
        assert 0 == worker.stop()
        arrived = len(sandbox.arrivals("wigzo"))
        assert arrived < len(USERS) * EACH, "it was stopped when all was done"
        assert [] == [one for one in sandbox.arrivals("wigzo") if not one.accepted], "each was answered"
        sandbox.put_faults()
        worker.start()
        worker.until_settled(1, "wigzo")
        worker.until(lambda: len(at_wigzo(sandbox.arrivals("wigzo"))) == len(USERS), "all arrived")
        worker.until_metrics(lambda now: not now.pending("wigzo") and now.value("limited_by", limit="idle"))
        assert 0 == worker.stop()
    came = at_wigzo(sandbox.arrivals("wigzo"))
    assert [] == [fault for user in USERS for fault in faults_of(came[user], EACH)]
    assert {1} == {times for user in USERS for times in Counter(came[user]).values()}
