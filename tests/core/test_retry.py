from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.core.retry import LONGEST_WAIT, Trouble, Witnesses, backoff

WINDOW = 4 * 3600.0
LAST_LUCK = 1 - 2.0**-53  # the largest that a generator gives


def failing(*failures: float, witnessed: bool = True) -> Trouble:
    """A user that failed at these times."""
    trouble = Trouble(first=failures[0], last=failures[0])
    for at in failures:
        trouble.failed(at, witnessed=witnessed)
    return trouble


# --- Backoff


@pytest.mark.parametrize(
    ("failures", "longest"),
    [(1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (5, 8.0), (6, 16.0), (7, 32.0), (8, 60.0), (9, 60.0), (10_000, 60.0)],
)
def test_backoff_doubles_from_half_a_second_to_a_minute(failures: int, longest: float) -> None:
    assert longest == backoff(failures, lambda: 1.0)


@given(st.integers(1, 100_000), st.floats(0.0, LAST_LUCK))
def test_backoff_is_jittered_over_its_whole_length(failures: int, luck: float) -> None:
    wait = backoff(failures, lambda: luck)
    assert luck * backoff(failures, lambda: 1.0) == wait
    assert 0.0 <= wait < LONGEST_WAIT


# --- Giving up


def test_an_event_is_given_up_after_the_window_with_five_witnessed_failures_over_ten_minutes() -> None:
    trouble = failing(0.0, 100.0, 300.0, 600.0, WINDOW)
    assert trouble.hopeless(WINDOW, WINDOW, witnessed=True)


def test_it_is_not_given_up_within_the_window() -> None:
    trouble = failing(0.0, 100.0, 300.0, 600.0, WINDOW - 1.0)
    assert not trouble.hopeless(WINDOW - 1.0, WINDOW, witnessed=True)


def test_the_window_is_counted_from_the_users_first_failure_witnessed_or_not() -> None:
    trouble = failing(0.0, witnessed=False)
    for at in (WINDOW - 700.0, WINDOW - 600.0, WINDOW - 400.0, WINDOW - 200.0, WINDOW):
        trouble.failed(at, witnessed=True)
    assert trouble.hopeless(WINDOW, WINDOW, witnessed=True)


def test_it_is_not_given_up_with_four_witnessed_failures() -> None:
    trouble = failing(0.0, 100.0, 300.0, witnessed=True)
    trouble.failed(600.0, witnessed=False)
    trouble.failed(WINDOW, witnessed=True)
    assert not trouble.hopeless(WINDOW, WINDOW, witnessed=True)


def test_it_is_not_given_up_with_witnesses_of_less_than_ten_minutes() -> None:
    trouble = failing(0.0, witnessed=False)
    for at in (WINDOW, WINDOW + 1.0, WINDOW + 2.0, WINDOW + 3.0, WINDOW + 599.0):
        trouble.failed(at, witnessed=True)
    assert not trouble.hopeless(WINDOW + 599.0, WINDOW, witnessed=True)
    trouble.failed(WINDOW + 600.0, witnessed=True)
    assert trouble.hopeless(WINDOW + 600.0, WINDOW, witnessed=True)


@given(st.lists(st.floats(0.0, 1e6), min_size=1, max_size=50))
def test_without_a_witness_nothing_is_given_up_however_long_it_fails(times: list[float]) -> None:
    trouble = failing(*sorted(times), witnessed=False)
    assert not trouble.hopeless(1e9, WINDOW, witnessed=False)


@given(
    st.lists(st.tuples(st.floats(0.0, 2 * WINDOW), st.booleans()), min_size=1, max_size=30),
    st.floats(0.0, WINDOW),
)
def test_an_event_is_given_up_exactly_by_the_rule(failures: list[tuple[float, bool]], window: float) -> None:
    failures = sorted(failures)
    trouble = Trouble(first=failures[0][0], last=failures[0][0])
    for at, witnessed in failures:
        trouble.failed(at, witnessed=witnessed)
    now, by_witness = failures[-1]
    seen = [at for at, witnessed in failures if witnessed]
    expected = now - failures[0][0] >= window and len(seen) >= 5 and seen[-1] - seen[0] >= 600.0
    assert expected == trouble.hopeless(now, window, witnessed=by_witness)
    assert (len(failures), now) == (trouble.failures, trouble.last)


def test_once_the_window_has_run_out_the_next_event_gets_one_witnessed_attempt() -> None:
    trouble = failing(0.0, 100.0, 300.0, 600.0, WINDOW)
    trouble.given_up = True
    trouble.next_event()
    trouble.failed(WINDOW + 1.0, witnessed=False)
    assert not trouble.hopeless(WINDOW + 1.0, WINDOW, witnessed=False)
    trouble.failed(WINDOW + 2.0, witnessed=True)
    assert trouble.hopeless(WINDOW + 2.0, WINDOW, witnessed=True)


# --- Refusals of the account


def test_a_refusal_is_the_events_own_fault_at_its_third_witness() -> None:
    trouble = Trouble(first=0.0, last=0.0)
    said = [trouble.refused(at, witnessed=True) for at in (0.0, 60.0, 120.0)]
    assert [False, False, True] == said
    assert (3, 120.0) == (trouble.failures, trouble.last)


def test_two_witnesses_are_not_enough_however_far_apart() -> None:
    trouble = Trouble(first=0.0, last=0.0)
    assert not any(trouble.refused(at, witnessed=True) for at in (0.0, 3600.0))


def test_three_witnesses_within_two_minutes_are_not_enough() -> None:
    trouble = Trouble(first=0.0, last=0.0)
    said = [trouble.refused(at, witnessed=True) for at in (0.0, 1.0, 2.0, 119.9, 120.0)]
    assert [False, False, False, False, True] == said


def test_the_two_minutes_begin_at_the_first_refusal_witnessed_or_not() -> None:
    trouble = Trouble(first=0.0, last=0.0)
    trouble.refused(0.0, witnessed=False)
    said = [trouble.refused(at, witnessed=True) for at in (118.0, 119.0, 120.0)]
    assert [False, False, True] == said


def test_without_a_witness_a_refusal_is_never_the_events_fault() -> None:
    trouble = Trouble(first=0.0, last=0.0)
    assert not any(trouble.refused(at * 100.0, witnessed=False) for at in range(100))


def test_a_refusal_is_not_among_the_failures_that_give_an_event_up() -> None:
    trouble = Trouble(first=0.0, last=0.0)
    for at in (0.0, 200.0, 400.0, 600.0, WINDOW):
        trouble.refused(at, witnessed=True)
    assert not trouble.hopeless(WINDOW, WINDOW, witnessed=True)


def test_the_next_event_answers_for_its_own_refusals_alone() -> None:
    trouble = Trouble(first=0.0, last=0.0)
    for at in (0.0, 60.0, 120.0):
        trouble.refused(at, witnessed=True)
    trouble.next_event()
    said = [trouble.refused(at, witnessed=True) for at in (200.0, 319.0, 319.5, 320.0)]
    assert [False, False, False, True] == said


def test_the_next_event_needs_three_witnesses_of_its_own() -> None:
    trouble = Trouble(first=0.0, last=0.0)
    for at in (0.0, 60.0, 120.0):
        trouble.refused(at, witnessed=True)
    trouble.next_event()
    assert not any(trouble.refused(at, witnessed=True) for at in (200.0, 3600.0))


# --- Witnesses


def test_another_user_that_was_served_since_is_a_witness() -> None:
    witnesses = Witnesses()
    witnesses.served("track", "u1", 10.0)
    assert witnesses.saw("track", "u2", since=9.9)
    assert not witnesses.saw("track", "u2", since=10.0)


def test_nobody_witnesses_for_itself() -> None:
    witnesses = Witnesses()
    witnesses.served("track", "u1", 10.0)
    assert not witnesses.saw("track", "u1", since=0.0)


def test_nobody_witnesses_for_another_operation() -> None:
    witnesses = Witnesses()
    witnesses.served("track", "u1", 10.0)
    assert not witnesses.saw("identify", "u2", since=0.0)


def test_the_latest_user_does_not_hide_the_one_before_it() -> None:
    witnesses = Witnesses()
    witnesses.served("track", "u1", 10.0)
    witnesses.served("track", "u2", 11.0)
    assert witnesses.saw("track", "u2", since=9.0)
    assert not witnesses.saw("track", "u2", since=10.0)
    assert witnesses.saw("track", "u1", since=10.0)


def test_a_users_answer_that_is_heard_late_hides_no_later_one_of_its_own() -> None:
    witnesses = Witnesses()
    for sent in (10.0, 5.0):
        witnesses.served("track", "u1", sent)
    assert witnesses.saw("track", "u2", since=7.0)


def test_an_answer_that_is_heard_late_hides_no_later_one() -> None:
    witnesses = Witnesses()
    for user, sent in (("u1", 10.0), ("u2", 8.0), ("u3", 5.0)):
        witnesses.served("track", user, sent)
    assert witnesses.saw("track", "u1", since=7.0)


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.integers(0, 9)), max_size=30),
    st.sampled_from("ab"),
    st.sampled_from("xyz"),
    st.integers(-1, 9),
)
def test_two_users_times_are_enough_to_know_every_witness(
    served: list[tuple[str, str, int]], what: str, user: str, since: int
) -> None:
    witnesses = Witnesses()
    for operation, other, sent in served:
        witnesses.served(operation, other, sent)
    expected = any(operation == what and other != user and sent > since for operation, other, sent in served)
    assert expected == witnesses.saw(what, user, since)
