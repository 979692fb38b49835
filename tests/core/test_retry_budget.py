from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from worker.core.retry_budget import ALWAYS, SHARE, SPAN, RetryBudget


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 60), st.sampled_from([0.0, 0.1, 0.5, 1.0, 4.0, 30.0]))))
def test_retries_are_a_twentieth_of_the_requests_of_the_last_ten_seconds_or_ten_a_second(
    steps: list[tuple[int, int, float]],
) -> None:
    budget, now = RetryBudget(), 1_000.0
    requests: list[tuple[int, int]] = []
    granted: list[int] = []  # the second of each
    for sent, asked, passes in steps:
        budget.requests += sent
        requests.append((int(now), sent))
        granted += [int(now) for _ in range(asked) if budget.spend(now)]
        lately = [second for second in granted if second > int(now) - SPAN]
        most = SHARE * sum(count for second, count in requests if second > int(now) - SPAN)
        assert len(lately) <= most + 1 or granted.count(int(now)) <= ALWAYS
        now += passes


def test_ten_a_second_are_always_allowed() -> None:
    budget = RetryBudget()
    assert [True] * 10 + [False] == [budget.spend(1_000.2) for _ in range(11)]
    assert 1_001.0 == budget.renewed(1_000.2)
    assert budget.spend(1_001.0)


def test_more_are_allowed_where_more_is_sent() -> None:
    budget = RetryBudget()
    budget.spend(1_000.0)
    budget.requests += 1_000
    assert 50 == 1 + sum(budget.spend(1_001.0) for _ in range(500))


def test_old_requests_do_not_count() -> None:
    budget = RetryBudget()
    budget.spend(1_000.0)
    budget.requests += 1_000
    assert 10 == sum(budget.spend(1_030.0) for _ in range(500))


def test_a_retry_that_does_well_costs_nothing() -> None:
    budget = RetryBudget()
    for _ in range(100):
        assert budget.spend(1_000.0)
        budget.did_well()
    assert [True] * 10 + [False] == [budget.spend(1_000.5) for _ in range(11)]


def test_what_was_granted_a_while_ago_is_given_back_as_well() -> None:
    budget = RetryBudget()
    assert budget.spend(1_000.0)
    budget.requests += 400
    assert [19, 10] == [sum(budget.spend(when) for _ in range(100)) for when in (1_000.0, 1_001.0)]
    for _ in range(31):  # once more than there is to be given back
        budget.did_well()
    assert 20 == sum(budget.spend(1_002.0) for _ in range(100))
