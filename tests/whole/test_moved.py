"""A destination that a person rewinds, or lets skip ahead, as deploy/runbooks/move-a-destination.md says."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.whole.conftest import Place
from tests.whole.events import Record, a_track
from tests.whole.groups import Group
from tests.whole.metrics import Metrics
from tests.whole.order import at_wigzo, at_wootric
from tests.whole.topics import PARTITIONS
from tests.whole.vendors import Vendors
from tests.whole.worker import Tables, Worker, wigzo, wootric
from worker.sandbox.faults import Rule, Status

pytestmark = pytest.mark.apache

USERS = [f"u{number}@mail.example" for number in range(12)]
SICK = frozenset(USERS[:2])
WELL = len(USERS) - len(SICK)
SICK_AT_WIGZO = Rule(destination="wigzo", users=SICK, do=Status(500))


def _events(*numbers: int) -> list[Record]:
    return [a_track(user, number, name=f"Numbered {number}") for number in numbers for user in USERS]


def _a_static_member(place: Place) -> Tables:
    """As the StatefulSet's pods are: their group does not see them leave."""
    return place.kafka(instance_id="relay-0", session_timeout=3)


def _group(place: Place) -> Group:
    return Group(place.topics.bootstrap, f"{place.group}.wigzo")


def _all_but_the_sick(events: int) -> int:
    return WELL * events


def _owns_all(now: Metrics) -> bool:
    return now.value("partitions_assigned", destination="wigzo") == 2 * PARTITIONS


def test_a_destination_that_is_rewound_gets_its_events_again_and_another_one_notices_nothing(
    place: Place, sandbox: Vendors, tmp_path: Path
) -> None:
    group = _group(place)
    to_wigzo, to_wootric = wigzo(sandbox.url, request_timeout=1), wootric(sandbox.url, request_timeout=1)
    # Some users fail, so that commits say what was settled ahead of them: that must not count any more.
    sandbox.put_faults(SICK_AT_WIGZO)
    place.topics.produce(place.topic, _events(0, 1, 2))
    with Worker(tmp_path, _a_static_member(place), to_wigzo, to_wootric, name="both") as both:
        both.until_metrics(lambda now: now.settled("wigzo") == _all_but_the_sick(3))
        since = time.time()
        place.topics.produce(place.topic, _events(3, 4))
        both.until_metrics(lambda now: now.settled("wigzo") == _all_but_the_sick(5))
        both.until_metrics(lambda now: now.settled("wootric") == 5 * len(USERS))
        assert {"UnknownMemberIdError"} == group.move(place.topic, since), "somebody is in the group"
        assert 0 == both.stop()
    assert not group.is_empty(), "a static member is in it until its session is over"

    with Worker(tmp_path, _a_static_member(place), to_wootric, name="without") as without:
        without.until(group.is_empty, "nobody is in the group")
        sandbox.put_faults()
        before = len(sandbox.arrivals("wigzo"))
        assert {"NoError"} == group.move(place.topic, since)
        place.topics.produce(place.topic, _events(5))
        without.until_settled(len(USERS), "wootric")
        assert 0 == without.stop()

    with both:
        both.until_settled(3 * len(USERS), "wigzo")
        metrics = both.until_metrics(lambda now: not now.pending("wigzo") + now.pending("wootric"))
        assert 0 == both.stop()
    assert {user: [3, 4, 5] for user in USERS} == at_wigzo(sandbox.arrivals("wigzo")[before:])
    assert (0, 0) == metrics.balance("wigzo")
    assert 0 == metrics.value("commit_metadata_ignored_total", destination="wigzo")
    assert {user: [*range(6)] for user in USERS} == at_wootric(sandbox.arrivals("wootric"))


def test_a_destination_that_skips_ahead_is_sent_nothing_of_what_waited_for_it(
    place: Place, sandbox: Vendors, tmp_path: Path
) -> None:
    sandbox.put_faults(SICK_AT_WIGZO)
    place.topics.produce(place.topic, _events(0, 1))
    with Worker(tmp_path, place.kafka(), wigzo(sandbox.url)) as worker:
        worker.until_metrics(lambda now: now.settled("wigzo") == _all_but_the_sick(2))
        assert 0 == worker.stop()
        place.topics.produce(place.topic, _events(2, 3))
        sandbox.put_faults()
        assert {"NoError"} == _group(place).move(place.topic, None)
        before = len(sandbox.arrivals("wigzo"))
        worker.start()
        worker.until_metrics(_owns_all)
        place.topics.produce(place.topic, _events(4))
        metrics = worker.until_settled(len(USERS), "wigzo")
        assert 0 == worker.stop()
    assert {user: [4] for user in USERS} == at_wigzo(sandbox.arrivals("wigzo")[before:])
    assert (0, 0) == metrics.balance("wigzo")
    assert [] == place.topics.read(f"{place.group}.wigzo.dead-letters")


def test_a_destination_that_is_disabled_cannot_be_moved_since_its_workers_keep_its_place(
    place: Place, sandbox: Vendors, tmp_path: Path
) -> None:
    place.topics.produce(place.topic, _events(0))
    with Worker(tmp_path, place.kafka(), wigzo(sandbox.url, enabled=False)) as worker:
        worker.until_metrics(_owns_all)
        assert {"UnknownMemberIdError"} == _group(place).move(place.topic, None)
        assert 0 == worker.stop()
