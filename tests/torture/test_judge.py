"""The judge: a right history passes, and each wrong one fails by its name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hypothesis import given
from hypothesis import strategies as st

from tests.torture.judge import Came, Commit, Incident, Logged, Verdict, judge
from worker.core.offset_map import NOTHING, OffsetMap


def a_log(events: int = 3, user: str = "u1") -> list[Logged]:
    return [Logged(user, number, (0, number)) for number in range(events)]


def arrivals(*numbers: int, user: str = "u1", lost: Iterable[int] = ()) -> list[Came]:
    """One a second, from 0 on."""
    unheard = set(lost)
    return [Came(user, number, float(at), lost=at in unheard) for at, number in enumerate(numbers)]


def a_commit(at: float, offset: int, settled: OffsetMap = NOTHING) -> Commit:
    return Commit(at, 0, offset, settled)


def a_verdict(
    came: Sequence[Came],
    *,
    log: Sequence[Logged] | None = None,
    letters: Iterable[tuple[int, int]] = (),
    commits: Sequence[Commit] = (),
    incidents: Sequence[Incident] = (),
    failures: Iterable[tuple[str, float]] = (),
    overlaps: Iterable[tuple[str, float]] = (),
) -> Verdict:
    return judge(a_log() if log is None else log, came, frozenset(letters), commits, incidents, failures, overlaps)


def test_what_came_once_and_in_order_is_right() -> None:
    assert Verdict(events=3, letters=0) == a_verdict(arrivals(0, 1, 2))


def test_an_event_that_never_came_is_lost() -> None:
    assert ("u1 2 (partition and offset (0, 2)) is lost",) == a_verdict(arrivals(0, 1)).violations


def test_a_dead_letter_is_not_lost() -> None:
    assert () == a_verdict(arrivals(0, 1), letters=[(0, 2)]).violations


def test_what_nobody_can_be_sent_is_lost_unless_it_is_a_dead_letter() -> None:
    log = [*a_log(), Logged("u1", None, (0, 3))]
    assert ("u1 None (partition and offset (0, 3)) is lost",) == a_verdict(arrivals(0, 1, 2), log=log).violations
    assert () == a_verdict(arrivals(0, 1, 2), log=log, letters=[(0, 3)]).violations


def test_an_event_before_its_users_former_one_is_out_of_order() -> None:
    assert ("u1 2 came before u1 1",) == a_verdict(arrivals(0, 2, 1, 2), incidents=[Incident("crash", 0, 9)]).disordered


def test_the_order_is_that_of_the_log_and_not_of_the_numbers() -> None:
    log = [Logged("u1", number, (0, offset)) for offset, number in enumerate((0, 2, 1))]
    assert () == a_verdict(arrivals(0, 2, 1), log=log).violations


def test_arrivals_that_are_rewound_are_in_order() -> None:
    verdict = a_verdict(arrivals(0, 1, 0, 1, 2), incidents=[Incident("crash", 1.5, 1.5)])
    assert ((), {"crash": 2}) == (verdict.violations, verdict.repeats)


def test_arrivals_that_are_rewound_skip_nothing_either() -> None:
    incidents = [Incident("crash", 0, 9)]
    assert ("u1 2 came before u1 1",) == a_verdict(arrivals(0, 1, 2, 0, 2), incidents=incidents).violations


def test_a_dead_letter_may_be_skipped() -> None:
    assert () == a_verdict(arrivals(0, 2), letters=[(0, 1)]).violations


def test_users_are_in_no_order_among_each_other() -> None:
    log = [Logged(user, 0, (0, offset)) for offset, user in enumerate(("u1", "u2"))]
    assert () == a_verdict([Came("u2", 0, 0.0), Came("u1", 0, 1.0)], log=log).violations


def test_a_repeat_without_a_cause_is_a_violation() -> None:
    assert ("u1 2 came at 2.000 and again at 3.000: unexplained",) == a_verdict(arrivals(0, 1, 2, 2)).violations


def test_what_was_over_before_or_came_later_is_no_cause() -> None:
    incidents = [Incident("crash", 0.5, 1.5), Incident("crash", 3.5, 4.5)]
    assert {"unexplained": 1} == a_verdict(arrivals(0, 1, 2, 2), incidents=incidents).repeats


def test_the_first_cause_that_fits_is_named() -> None:
    incidents = [Incident("crash", 9, 9), Incident("frozen", 2, 5), Incident("broker", 2, 5)]
    assert {"frozen": 1} == a_verdict(arrivals(0, 1, 2, 2), incidents=incidents).repeats


def test_a_lost_answer_is_a_cause_before_all_others() -> None:
    incidents = [Incident("crash", 2, 5)]
    assert {"lost answer": 1} == a_verdict(arrivals(0, 1, 2, 2, lost=[2]), incidents=incidents).repeats


def test_a_merge_of_which_a_later_request_failed_soon_is_a_cause() -> None:
    came = [*arrivals(0, 1, 2), Came("u1", 2, 19.0)]
    assert {"merge taken apart": 1} == a_verdict(came, failures=[("u1", 3.0)]).repeats
    for another in (("u1", 1.5), ("u1", 16.0), ("u2", 3.0)):
        assert {"unexplained": 1} == a_verdict(came, failures=[another]).repeats


def test_two_calls_of_a_user_at_once_are_a_violation_unless_one_may_be_of_a_frozen_worker() -> None:
    for incident in (Incident("frozen", 3, 9), Incident("crash", 0, 9)):
        verdict = a_verdict(arrivals(0, 1, 2), overlaps=[("u1", 2.5)], incidents=[incident])
        assert ("u1 had two calls at once at 2.500",) == verdict.violations
    frozen = [Incident("frozen", 2, 9)]
    assert () == a_verdict(arrivals(0, 1, 2), overlaps=[("u1", 2.5)], incidents=frozen).violations


def test_what_comes_after_its_commit_is_a_violation_even_after_a_crash() -> None:
    verdict = a_verdict(
        arrivals(0, 1, 2, 1), commits=[a_commit(2.5, 2), a_commit(4, 3)], incidents=[Incident("crash", 2, 9)]
    )
    assert ("u1 1 came 0.50 s after it had been committed",) == verdict.violations


def test_what_the_map_beside_a_commit_settles_is_committed() -> None:
    settled = OffsetMap(stop=3, holes=(0,))
    crash = [Incident("crash", 0, 9)]
    log = [Logged(f"u{offset}", 0, (0, offset)) for offset in range(3)]
    came = [Came("u1", 0, 0.0), Came("u2", 0, 1.0), Came("u1", 0, 4.0), Came("u0", 0, 5.0)]
    verdict = a_verdict(came, log=log, commits=[a_commit(2, 0, settled)], incidents=crash)
    assert ("u1 0 came 2.00 s after it had been committed",) == verdict.violations


def test_a_commit_of_another_partition_says_nothing() -> None:
    crash = [Incident("crash", 0, 9)]
    commit = Commit(2.5, 1, 3, NOTHING)
    assert () == a_verdict(arrivals(0, 1, 2, 1), commits=[commit], incidents=crash).violations


def test_a_commit_before_its_event_was_settled_is_a_violation_although_it_came_later() -> None:
    verdict = a_verdict(arrivals(0, 1, 2), commits=[a_commit(1.5, 3)])
    assert ("u1 2 was committed 0.50 s before it was settled",) == verdict.early


def test_clocks_may_differ_a_little() -> None:
    assert () == a_verdict(arrivals(0, 1, 2), commits=[a_commit(1.9, 3)]).violations


@given(st.lists(st.integers(min_value=0, max_value=5), min_size=1), st.integers(min_value=0, max_value=5))
def test_whatever_is_taken_from_a_right_history_for_good_is_lost(crashes: list[int], gone: int) -> None:
    # Each crash sends everything up to an event again.
    came = [number for until in crashes for number in range(until)] + list(range(6))
    ordered = [Came("u1", number, float(at)) for at, number in enumerate(_never_ahead(came))]
    cause = [Incident("crash", 0, 1000)]
    assert () == a_verdict(ordered, log=a_log(6), incidents=cause).violations
    without = [each for each in ordered if each.number != gone]
    assert a_verdict(without, log=a_log(6), incidents=cause).lost


def _never_ahead(numbers: Sequence[int]) -> Iterable[int]:
    highest = -1
    for number in numbers:
        if number <= highest + 1:
            highest = max(highest, number)
            yield number
