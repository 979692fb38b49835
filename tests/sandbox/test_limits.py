"""So many calls a minute."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.sandbox.calls import NOW, Caller, message
from worker.sandbox.limits import Limit, Standing, Windows

TWO = Limit(calls=2, per=60)


def headers(left: int, limit: int = 2) -> dict[str, str]:
    return {
        "X-Rate-Limit-Limit": str(limit),
        "X-Rate-Limit-Remaining": str(left),
        "X-Rate-Limit-Reset": str(int(NOW) + 60),
    }


def test_calls_over_the_limit_are_refused_until_the_window_ends() -> None:
    caller = Caller(limit=TWO)
    answers = [caller.create(email=f"{name}@example.com") for name in "abc"]
    assert [(201, headers(1)), (201, headers(0)), (429, headers(0))] == [(a.status, a.headers) for a in answers]
    assert (429, "Try again in a minute") == message(answers[2])
    assert 2 == len(caller.wootric.end_users.by_id)
    caller.now = NOW + 59.9
    assert 429 == caller.create(email="c@example.com").status
    caller.now = NOW + 60
    assert 201 == caller.create(email="c@example.com").status


def test_each_class_of_endpoints_has_a_limit_of_its_own() -> None:
    caller = Caller(limit=Limit(calls=1))
    assert 201 == caller.create(email="a@example.com").status
    assert 429 == caller.get("/v1/end_users/1000001").status
    assert headers(0, limit=1) == caller.eligible(email="a@example.com").headers


def test_the_login_has_no_limit_and_a_wrong_token_uses_none() -> None:
    caller = Caller(limit=Limit(calls=1))
    assert {} == caller.log_in().headers
    good, caller.headers = caller.headers, {}
    assert {} == caller.create(email="a@example.com").headers
    caller.headers = good
    assert 201 == caller.create(email="a@example.com").status


def test_refused_calls_are_counted_and_told() -> None:
    answer = Caller(limit=TWO).create(email="nobody")
    assert (400, headers(1)) == (answer.status, answer.headers)


def test_without_a_limit_there_are_no_headers() -> None:
    assert {} == Caller().create(email="a@example.com").headers


def test_a_reset_begins_a_new_window() -> None:
    caller = Caller(limit=Limit(calls=1))
    caller.create(email="a@example.com")
    caller.wootric.reset()
    assert 201 == caller.create(email="a@example.com").status


@given(st.lists(st.floats(0, 40), max_size=60), st.integers(1, 5))
def test_no_window_lets_more_calls_through_and_the_reset_never_comes_too_early(steps: list[float], calls: int) -> None:
    windows, limit, now = Windows(), Limit(calls, 60), NOW
    let_through: dict[int, int] = {}
    for step in steps:
        now += step
        standing = windows.take("end_users", limit, now)
        let_through[standing.reset] = let_through.get(standing.reset, 0) + (not standing.over)
        assert now < standing.reset
        assert not Windows().take("end_users", limit, standing.reset).over
        again = windows.take("eligible", Limit(10**6, 60), now)
        assert not again.over
    assert all(count <= calls for count in let_through.values())


def test_a_standing_is_counted_down() -> None:
    windows = Windows()
    standings = [windows.take("end_users", TWO, 0.5) for _ in range(3)]
    assert [Standing(2, 1, 61, False), Standing(2, 0, 61, False), Standing(2, 0, 61, True)] == standings


@given(
    limit=st.builds(Limit, calls=st.integers(1, 4), per=st.just(60.0), window=st.just("sliding")),
    steps=st.lists(st.integers(0, 40), min_size=5, max_size=60),
)
def test_no_window_at_all_answers_more_than_a_sliding_limit_nor_fewer_where_more_come(
    limit: Limit, steps: list[int]
) -> None:
    windows, now, answered, refused = Windows(), NOW, list[float](), list[float]()
    for step in steps:
        now += step
        (refused if windows.take("all", limit, now).over else answered).append(now)
    for begin in answered:
        assert sum(begin <= at < begin + 60 for at in answered) <= limit.calls
    for at in refused:
        assert sum(at - 60 < one <= at for one in answered) == limit.calls
