from __future__ import annotations

from dataclasses import dataclass

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
    assert [False] * 19 + [True] == fail(breaker, *range(20, 40))


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


def test_failures_that_are_older_say_nothing_either() -> None:
    breaker = Breaker()
    succeed(breaker, 6, now=0.0)
    assert not any(fail(breaker, *["u1"] * 13, now=0.0))
    succeed(breaker, 19, now=30.0)
    assert [False] == fail(breaker, "u1", now=30.0)


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
class Burst:
    """First attempts, so many seconds after those before: some go well, then some fail, of users from ``first`` on."""

    after: float
    good: int
    bad: int
    first: int
    one_user: bool


BURSTS = st.lists(
    st.builds(
        Burst,
        st.sampled_from([0.0, 0.3, 1.0, 9.0, 31.0]),
        st.integers(0, 12),
        st.integers(0, 22),
        st.integers(0, 30),
        st.booleans(),
    ),
    max_size=8,
)


@given(BURSTS)
def test_it_trips_exactly_by_the_two_rules(bursts: list[Burst]) -> None:
    breaker = Breaker()
    now, row = 0.0, set[int]()
    seen: list[tuple[int, bool]] = []  # second, failed
    for burst in bursts:
        now += burst.after
        for _ in range(burst.good):
            row.clear()
            seen.append((int(now), False))
            breaker.succeeded(now)
        for at in range(burst.bad):
            user = burst.first if burst.one_user else burst.first + at
            row.add(user)
            seen.append((int(now), True))
            lately = [failed for second, failed in seen if second > int(now) - SPAN]
            most_fail = len(lately) >= AT_LEAST and sum(lately) >= SHARE * len(lately)
            assert (len(row) >= IN_A_ROW or most_fail) == breaker.failed(user, now)
