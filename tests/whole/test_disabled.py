"""``enabled = false``: a destination is sent nothing and loses nothing; what it had when it was disabled is kept."""

from __future__ import annotations

from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.whole.conftest import Place
from tests.whole.events import EACH, USERS, a_crowd, a_track
from tests.whole.metrics import Metrics
from tests.whole.order import at_wigzo, at_wootric, faults_of, repeated
from tests.whole.topics import PARTITIONS
from tests.whole.vendors import Vendors
from tests.whole.worker import Worker, wigzo, wootric
from worker.adapters.cluster import group_commits
from worker.adapters.connection import Connection
from worker.core.commit_metadata import decode
from worker.core.offset_map import NOTHING
from worker.core.records import Position, TopicPartition
from worker.sandbox.faults import Rule, Status

pytestmark = pytest.mark.apache


EVENTS = len(a_crowd())
OWNED = 2 * PARTITIONS  # the sources', and as many of the topic of replays
SICK = frozenset(USERS[:3])


def _commits(place: Place) -> dict[TopicPartition, Position]:
    return group_commits(Connection(tuple(place.topics.bootstrap)), f"{place.group}.wigzo")


def _says_settled_ahead(position: Position) -> bool:
    metadata = decode(position.metadata, position.offset)
    return metadata is not None and metadata.settled != NOTHING


def _owns(partitions: int, now: Metrics) -> bool:
    return now.value("partitions_assigned", destination="wigzo") == partitions


def _all_are_at_wootric(sandbox: Vendors) -> bool:
    arrived = at_wootric(sandbox.arrivals("wootric"))
    return all(len({*arrived.get(user, ())}) == EACH + 1 for user in USERS)


def _ready(worker: Worker) -> bool:
    address = worker.said("admin endpoint")[-1]["address"]
    with urlopen(f"http://{address}/readyz", timeout=10) as answer:
        return bool(answer.status == 200)


def test_a_destination_that_was_disabled_for_a_while_goes_on_exactly_where_it_was(
    place: Place, sandbox: Vendors, tmp_path: Path
) -> None:
    place.topics.produce(place.topic, a_crowd())
    # Some users fail, so that others are settled ahead of them: the offset map has something to say.
    sandbox.put_faults(Rule(destination="wigzo", users=SICK, do=Status(500)))
    with Worker(tmp_path, place.kafka(), wigzo(sandbox.url, retry_window="4h"), name="before") as worker:
        worker.until_metrics(lambda now: now.settled("wigzo") == EVENTS - len(SICK) * (EACH + 1), "all but the sick")
        assert 0 == worker.stop()
    before, arrived = _commits(place), len(sandbox.arrivals("wigzo"))
    assert any(_says_settled_ahead(position) for position in before.values())

    sandbox.put_faults()
    disabled = wigzo(sandbox.url, enabled=False, start_at=None)
    first, second = (
        Worker(tmp_path, place.kafka(), disabled, wootric(sandbox.url), name=name) for name in ("first", "second")
    )
    with first:
        first.until_metrics(lambda now: _owns(OWNED, now), "all partitions")
        with second:
            for worker in (first, second):
                worker.until_metrics(lambda now: _owns(OWNED // 2, now), "half of the partitions")
            assert 0 == second.stop()
        place.topics.produce(place.topic, [a_track(user, EACH, name=f"Numbered {EACH}") for user in USERS])
        first.until_metrics(lambda now: _owns(OWNED, now), "all partitions again")
        first.until(lambda: _all_are_at_wootric(sandbox), "the other destination has all")
        metrics = first.until_metrics(lambda now: now.value("limited_by", destination="wigzo", limit="disabled"))
        assert _ready(first)
        assert (0, (0, 0)) == (metrics.value("events_consumed_total", destination="wigzo"), metrics.balance("wigzo"))
        assert 0 == first.stop()
    assert (before, arrived) == (_commits(place), len(sandbox.arrivals("wigzo")))
    assert [["wigzo"]] == [
        [line["destination"]] for line in first.said("disabled: it keeps its place, and nothing is sent")
    ]

    with Worker(tmp_path, place.kafka(), wigzo(sandbox.url), name="after") as worker:
        worker.until_settled(len(SICK) * (EACH + 1) + len(USERS), "wigzo")
        assert 0 == worker.stop()
    numbers = at_wigzo(sandbox.arrivals("wigzo"))
    assert [] == [fault for user in USERS for fault in faults_of(numbers[user], EACH + 1)]
    assert {} == repeated(numbers)


def test_a_new_destination_that_is_disabled_has_its_beginning_from_then_on(
    place: Place, sandbox: Vendors, tmp_path: Path
) -> None:
    place.topics.produce(place.topic, [a_track("before", 0)])
    new = wigzo(sandbox.url, enabled=False, start_at="latest")
    with Worker(tmp_path, place.kafka(), new) as worker:
        worker.until_metrics(lambda now: _owns(OWNED, now), "all partitions")
        worker.until(lambda: len(_commits(place)) == OWNED, "the beginning is committed")
        place.topics.produce(place.topic, [a_track("after", 0)])
        assert 0 == worker.stop()
    with Worker(tmp_path, place.kafka(), wigzo(sandbox.url, start_at="earliest"), name="enabled") as worker:
        worker.until_settled(1, "wigzo")
        assert 0 == worker.stop()
    assert ["after"] == [arrival.user for arrival in sandbox.arrivals("wigzo")]
