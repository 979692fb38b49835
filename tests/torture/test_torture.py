"""A short round of torture, and what a rollout and a crash repeat. ``make torture`` is the long run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.torture.bounds import measure
from tests.torture.kafka_cluster import Kafka, kafka
from tests.torture.round import torture
from tests.torture.schedule import a_round

pytestmark = pytest.mark.apache

# Holds that look once a minute whether they are over would take longer than all the rest.
SLOW_TO_PASS = frozenset({"WrongSecret"})


@pytest.fixture(scope="module")
def tortured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A node of its own: it is killed."""
    with kafka(tmp_path_factory.mktemp("kafka"), 1) as cluster:
        yield cluster


def test_a_short_round_of_torture_breaks_no_promise(tortured: Kafka, tmp_path: Path) -> None:
    plan = a_round("short/224", nodes=1, seconds=18, without=SLOW_TO_PASS)
    outcome = torture(plan, tortured, tmp_path, rate=60, users=50, say=print)
    assert () == outcome.faults
    assert {"crashes", "rolling restarts", "freezes", "broker restarts"} <= outcome.done.keys()
    assert [True, True] == [verdict.events > 500 for verdict in outcome.verdicts.values()]


def test_a_rollout_under_a_thousand_events_a_second_repeats_one_in_ten_thousand_at_most_and_a_crash_half_a_second(
    tortured: Kafka, tmp_path: Path
) -> None:
    bounds = measure(tortured, tmp_path, kills=1)
    assert ((), ()) == (bounds.verdict.violations, bounds.faults)
    assert len(bounds.rolled) <= bounds.events / 10_000
    assert [] == [kill for kill in bounds.kills if kill.repeats > min(kill.at_risk, kill.told)]
    assert sum(kill.repeats for kill in bounds.kills) > 0  # else it was no crash under load
