"""What the watchdog sees of a lane, and which of it is in order."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from tests.core.test_progress import standing as a_lane
from worker.core.progress import PATIENCE, Progress
from worker.core.tally import Status, Tally
from worker.watched import LETTER, sights

CONSUMER, LANE = "wigzo's consumer thread", "wigzo"
REQUEST, DEAD_LETTER = "wigzo's oldest request", "wigzo's oldest dead letter in hand"


@dataclass
class ARunner:
    """One that waits for nothing, has nothing under way, and does not go on."""

    standing: Status = field(default_factory=lambda: a_lane(ready=3))
    name: str = "wigzo"
    request_timeout: float = 10.0
    drain_timeout: float = 45.0
    draining: bool = False
    leaving: bool = False
    oldest_request: float | None = None
    oldest_letter: float | None = None
    consumer: Any = field(default_factory=lambda: SimpleNamespace(turns=7))
    tally: Tally = field(default_factory=Tally)

    def status(self, _now: float) -> Status:
        return self.standing


def stuck(runner: Any, *, seconds: float = 1000.0) -> dict[str, int]:
    """What stands still beyond its patience, and after how many seconds that was."""
    progress: Progress[str] = Progress(1.0, PATIENCE)
    found: dict[str, int] = {}
    for second in range(round(seconds)):
        for name in progress.look(sights([runner], second), float(second)):
            found.setdefault(name, second)
    return found


def test_a_lane_with_ready_events_that_sends_nothing_is_stuck_and_so_is_its_consumer_a_drain_later() -> None:
    assert {LANE: 60, CONSUMER: 60 + 45 + 10} == stuck(ARunner())


@pytest.mark.parametrize("status", [a_lane("idle"), a_lane("held", until=5000.0, ready=3), a_lane(sleeping=3)])
def test_a_lane_with_a_name_for_its_wait_is_not(status: Status) -> None:
    assert {CONSUMER} == stuck(ARunner(standing=status)).keys()


def test_a_request_may_take_its_time_and_the_lane_waits_for_it() -> None:
    assert {REQUEST: 70, CONSUMER: 115} == stuck(ARunner(oldest_request=1.0))


def test_a_dead_letter_may_take_its_time_and_the_lane_waits_for_it() -> None:
    assert {DEAD_LETTER: 60 + LETTER, CONSUMER: 115} == stuck(ARunner(oldest_letter=1.0))


def test_partitions_on_their_way_out_have_a_bound_of_their_own() -> None:
    assert {CONSUMER} == stuck(ARunner(leaving=True)).keys()


def test_a_worker_that_stops_need_not_poll() -> None:
    assert {} == stuck(ARunner(leaving=True, draining=True))


@pytest.mark.parametrize(
    "went_on",
    [
        Tally(consumed=Counter(events=1)),
        Tally(requests=Counter({("learn/event", "200"): 1})),
        Tally(settled=Counter({("filtered", "type"): 1})),
        Tally(released=1),
        Tally(passed_over=1),
    ],
)
def test_any_of_these_is_progress(went_on: Tally) -> None:
    progress: Progress[str] = Progress(1.0, 0.5)
    runner: Any = ARunner()
    progress.look(sights([runner], 0.0), 0.0)
    runner.tally = went_on
    assert LANE not in progress.look(sights([runner], 1.0), 1.0)
