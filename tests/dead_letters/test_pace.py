"""How fast letters are replayed."""

from __future__ import annotations

import pytest

from worker.commands.replay import paced


class Time:
    """A clock that goes on by sleeping."""

    def __init__(self) -> None:
        self.now = 100.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_a_rate_is_kept() -> None:
    time, begun = Time(), []
    pace = paced(4.0, time.clock, time.sleep)
    for _ in range(5):
        pace()
        begun.append(time.now)
    assert [100.0, 100.25, 100.5, 100.75, 101.0] == begun


def test_what_was_missed_is_not_made_up_for() -> None:
    time = Time()
    pace = paced(1.0, time.clock, time.sleep)
    pace()
    time.now += 60
    pace()
    pace()
    assert pytest.approx(161.0) == time.now


def test_without_a_rate_nothing_waits() -> None:
    time = Time()
    pace = paced(None, time.clock, time.sleep)
    for _ in range(5):
        pace()
    assert 100.0 == time.now
