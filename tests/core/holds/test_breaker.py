from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.core.holds.breaker import AT_LEAST, IN_A_ROW, SHARE, SPAN, Breaker


def fail(breaker: Breaker, *users: object, now: float = 0.0) -> list[bool]:
    return [breaker.failed(user, now) for user in users]


def succeed(breaker: Breaker, times: int, now: float = 0.0) -> None:
    for _ in range(times):
        breaker.succeeded(now)


def test_twenty_failures_in_a_row_of_different_users_trip_it() -> None:
    breaker = Breaker()
    succeed(breaker, 100)
    assert [False] * 19 + [True] == fail(breaker, *range(20))


def test_failures_of_one_user_are_no_row() -> None:
    breaker = Breaker()
    succeed(breaker, 100)
    assert not any(fail(breaker, *["u1"] * 40))


def test_a_row_has_no_end_in_time() -> None:
    breaker = Breaker()
    said = [breaker.failed(user, now=user * 3600.0) for user in range(20)]
    assert [False] * 19 + [True] == said


def test_a_success_ends_the_row() -> None:
    breaker = Breaker()
    succeed(breaker, 100)
    fail(breaker, *range(19))
    breaker.succeeded(0.0)
    assert [False] * 19 + [True] == fail(breaker, *range(20))


def test_seventy_percent_of_twenty_trip_it() -> None:
    breaker = Breaker()
    succeed(breaker, 6)
    assert [False] * 13 + [True] == fail(breaker, *["u1"] * 14)


def test_seventy_percent_of_fewer_do_not() -> None:
    breaker = Breaker()
    succeed(breaker, 5)
    assert not any(fail(breaker, *["u1"] * 14))


def test_less_than_seventy_percent_do_not() -> None:
    breaker = Breaker()
    succeed(breaker, 31)
    assert not any(fail(breaker, *["u1"] * 72))
    assert [True] == fail(breaker, "u1")


def test_what_is_older_than_thirty_seconds_says_nothing_any_more() -> None:
    breaker = Breaker()
    succeed(breaker, 30, now=0.0)
    assert not any(fail(breaker, *["u1"] * 19, now=30.0))
    assert [True] == fail(breaker, "u1", now=30.0)


def test_what_is_younger_than_thirty_seconds_still_counts() -> None:
    breaker = Breaker()
    succeed(breaker, 30, now=0.0)
    assert not any(fail(breaker, *["u1"] * 69, now=29.9))
    assert [True] == fail(breaker, "u1", now=29.9)


def test_after_a_hold_the_past_says_nothing() -> None:
    breaker = Breaker()
    fail(breaker, *range(19))
    breaker.reset()
    assert [False] * 19 + [True] == fail(breaker, *range(19), "one more")


@dataclass(frozen=True)
class Attempt:
    """A first attempt, so many seconds after the one before it; ``user`` is ``None`` where it went well."""

    after: float
    user: int | None


ATTEMPTS = st.lists(
    st.builds(Attempt, st.sampled_from([0.0, 0.0, 0.0, 0.3, 1.0, 9.0, 31.0]), st.none() | st.integers(0, 30)),
    max_size=120,
)


@pytest.mark.parametrize("well", [0, 5])
@given(attempts=ATTEMPTS)
def test_it_trips_exactly_by_the_two_rules(well: int, attempts: list[Attempt]) -> None:
    breaker = Breaker()
    now, row = 0.0, set[int]()
    seen: list[tuple[int, bool]] = []  # second, failed
    for attempt in [Attempt(0.0, None)] * well + attempts:
        now += attempt.after
        seen.append((int(now), attempt.user is not None))
        if attempt.user is None:
            row.clear()
            breaker.succeeded(now)
            continue
        row.add(attempt.user)
        lately = [failed for second, failed in seen if second > int(now) - SPAN]
        most_fail = len(lately) >= AT_LEAST and sum(lately) >= SHARE * len(lately)
        assert (len(row) >= IN_A_ROW or most_fail) == breaker.failed(attempt.user, now)
