"""Users who fail by the thousand, beside healthy ones, on the real worker."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.whole.conftest import Place
from tests.whole.failing_users import MIB, Crowd, fill, measure
from worker.core.retry_budget import ALWAYS, SHARE

pytestmark = pytest.mark.apache

MOST = 260 * MIB  # 165 MiB were measured, 160 of them without any who fails


def test_a_thousand_failing_users_leave_the_others_nearly_all_there_is(place: Place, tmp_path: Path) -> None:
    crowd = Crowd(healthy=12_000, healthy_users=5_000)
    topic = place.topics.create(f"{place.topic}-crowd", crowd.partitions)
    place.topics.produce(topic, crowd.records())
    run = measure(crowd, place.topics, topic, tmp_path, failing=True, latency=0.0)
    seconds = crowd.healthy / run.rate
    # What a rate would say on a quiet machine: how much of the worker's work the failing took after their first try.
    assert run.refused - crowd.failing <= SHARE * run.requests + ALWAYS * (seconds + 2)
    assert run.memory < MOST
    whole = run.account
    assert (crowd.workload.events, 0, 0, 0) == (whole.arrived, whole.duplicates, whole.late, whole.overlaps)


def test_more_failing_users_than_the_buffer_holds_are_told_and_all_is_served_when_they_recover(
    place: Place, tmp_path: Path
) -> None:
    crowd = Crowd(failing=500, healthy=5_000, healthy_users=2_000)
    topic = place.topics.create(f"{place.topic}-crowd", crowd.partitions)
    place.topics.produce(topic, crowd.records())
    filled = fill(crowd, place.topics, topic, tmp_path, seconds=2.0, buffer_events=1_000)
    assert (1, (0, 0), (0, 0)) == (filled.alarms, filled.full.balance("wigzo"), filled.last.balance("wigzo"))
    assert {("delivered",): crowd.workload.events} == filled.last.by("events_settled_total", "outcome")
    assert filled.memory < MOST
    assert (0, 0, 0) == (filled.account.duplicates, filled.account.late, filled.account.overlaps)
