"""Who has stood still for too long without a reason."""

from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import a_status
from worker.core.progress import PATIENCE, Progress, Sight, waits_for
from worker.core.tally import Status

STANDING = Sight("as before")


def standing(*limits: str, until: float | None = None, **pending: int) -> Status:
    """Pending states are written with underscores for what stands between words."""
    counted = {name.replace("_", " "): events for name, events in pending.items()}
    return a_status(limited_by=frozenset(limits), until=until, pending=counted)


def stuck_at(sights: list[Sight], *, interval: float = 1.0, patience: float = 5.0) -> list[int]:
    """At which of these looks at one thing, an interval apart, it was stuck."""
    progress: Progress[str] = Progress(interval, patience)
    looks = [progress.look({"it": sight}, number * interval) for number, sight in enumerate(sights)]
    return [number for number, found in enumerate(looks) if found]


# --- Time


def test_what_stands_still_is_stuck_once_its_patience_is_used_up() -> None:
    assert [5, 6, 7] == stuck_at([STANDING] * 8)


def test_a_long_step_is_given_its_time_beside_the_patience() -> None:
    assert [8] == stuck_at([Sight("as before", longest=3.0)] * 9)


def test_what_goes_on_is_never_stuck_however_slowly() -> None:
    assert [] == stuck_at([Sight(number // 5) for number in range(100)])


def test_a_wait_with_a_name_is_in_order_for_ever() -> None:
    assert [] == stuck_at([Sight("as before", "held")] * 1000)


def test_patience_begins_anew_when_the_named_wait_ends() -> None:
    assert [105] == stuck_at([Sight("as before", "held")] * 101 + [STANDING] * 5)


def test_what_was_stuck_and_goes_on_is_not_any_more() -> None:
    assert [5] == stuck_at([STANDING] * 6 + [Sight("further")] * 3)


def test_how_long_it_stands_is_told() -> None:
    progress: Progress[str] = Progress(1.0, 2.0)
    looks = [progress.look({"a": STANDING, "b": Sight(number)}, float(number)) for number in range(4)]
    assert [{}, {}, {"a": 2.0}, {"a": 3.0}] == looks


def test_what_is_not_seen_any_more_is_forgotten() -> None:
    progress: Progress[str] = Progress(1.0, 2.0)
    for now, sights in enumerate([{"a": STANDING}, {"a": STANDING}, {}, {"a": STANDING}]):
        assert {} == progress.look(sights, float(now))


def test_a_process_that_was_stopped_for_an_hour_is_not_blamed_for_it() -> None:
    progress: Progress[str] = Progress(1.0, 5.0)
    times = [0.0, 1.0, 2.0, 3600.0, 3601.0, 3602.0]
    assert [{}, {}, {}, {}, {"it": 5.0}, {"it": 6.0}] == [progress.look({"it": STANDING}, now) for now in times]


QUARTERS = st.integers(0, 400).map(lambda number: number / 4)  # exact, as sums of floats are not


@given(st.lists(st.tuples(QUARTERS, st.booleans()), max_size=60))
def test_only_seconds_that_were_lived_without_progress_count(steps: list[tuple[float, bool]]) -> None:
    progress: Progress[str] = Progress(1.0, 5.0)
    progress.look({"it": Sight(0)}, 0.0)
    still, done = 0.0, 0
    for now, (step, goes_on) in zip(accumulate(step for step, _ in steps), steps, strict=True):
        done += goes_on
        still = 0.0 if goes_on else still + min(step, 2.0)
        assert ({"it": still} if still >= 5.0 else {}) == progress.look({"it": Sight(done)}, now)


# --- Names


@pytest.mark.parametrize(
    ("status", "named"),
    [
        (standing("idle"), "idle"),
        (standing("dead letters", dead_lettering=1), "dead letters"),
        (standing("commit", "lease", ready=3), "commit, lease"),
        (standing("buffer events", "commit", ready=3), "commit"),
        (standing("disabled", "held", until=0.0, ready=3), "disabled, held"),
        (standing(sleeping=2, behind_its_user=5), "users who failed"),
        (standing("failing users", "buffer events", sleeping=2), "users who failed"),
    ],
)
def test_a_lane_that_has_nothing_under_way_may_wait_for(status: Status, named: str) -> None:
    assert named == waits_for(status, 1000.0)


@pytest.mark.parametrize(
    "status",
    [
        standing(ready=1),
        standing(open=1),
        standing(ready=1, sleeping=5),
        standing(dead_lettering=1, sleeping=5),
        standing("buffer events", ready=9),
        standing("buffer bytes"),
        standing("offset map", behind_its_user=3, open=1),
    ],
)
def test_it_has_no_excuse_where_nothing_will_ever_change(status: Status) -> None:
    assert "" == waits_for(status, 1000.0)


def test_a_hold_is_a_reason_for_as_long_as_it_probes() -> None:
    held = standing("held", until=1000.0, ready=5)
    names = [waits_for(held, now) for now in (0.0, 1000.0, 1000.0 + PATIENCE, 1001.0 + PATIENCE)]
    assert ["held", "held", "held", ""] == names


def test_a_probe_that_is_said_to_be_under_way_and_is_not_is_no_reason() -> None:
    assert "" == waits_for(standing("held", until=None, sleeping=5), 1000.0)


def test_a_hold_with_nobody_to_ask_needs_no_probe() -> None:
    assert "held" == waits_for(standing("held", until=0.0), 1000.0)
