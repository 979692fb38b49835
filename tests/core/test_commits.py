"""When offsets are committed, and what a commit says."""

from __future__ import annotations

from tests.core.virtual import P0, P1
from worker.core.commit_metadata import Metadata, encode
from worker.core.commits import Commits
from worker.core.items import Assignment
from worker.core.ledger import Ledger
from worker.core.records import Position, TopicPartition
from worker.core.tally import Tally


def an_assignment(partition: TopicPartition = P0, *, tracked: int = 3, settled: tuple[int, ...] = ()) -> Assignment:
    assignment = Assignment(partition, Ledger(0), start=5.0)
    for offset in range(tracked):
        assignment.ledger.track(offset)
    for offset in settled:
        assignment.settle(offset, 0)
    return assignment


def said(offset: int, *ahead: int, at_risk: int = 0) -> Position:
    ledger = Ledger(offset)
    for one in range(offset, max(ahead, default=offset) + 1):
        ledger.track(one)
    for one in ahead:
        ledger.settle(one)
    return Position(offset, encode(Metadata(start=5.0, settled=ledger.offset_map(), at_risk=at_risk), offset))


def test_a_commit_says_the_lowest_unsettled_offset_what_is_settled_above_it_and_the_start() -> None:
    commits = Commits(0.5, Tally())
    assert {P0: said(1, 2, at_risk=2)} == commits.due([an_assignment(settled=(0, 2))], 10.0)


def test_what_changed_is_committed_after_the_interval_and_all_of_it_each_second() -> None:
    commits = Commits(0.5, Tally())
    changed, idle = an_assignment(settled=(0,)), an_assignment(P1)
    assert {P0} == set(commits.due([changed, idle], 10.0))
    commits.answered([changed], None)
    assert {} == commits.due([changed, idle], 10.6), "nothing has changed"
    changed.settle(1, 0)
    assert {P0} == set(commits.due([changed, idle], 10.7))
    commits.answered([changed], None)
    changed.settle(2, 0)
    assert {} == commits.due([changed, idle], 11.1)
    assert {P0} == set(commits.due([changed, idle], 11.2))
    commits.answered([changed], None)
    assert {P0, P1} == set(commits.due([changed, idle], 12.2)), "a fenced member learns of it by its commits alone"


def test_one_commit_is_in_flight() -> None:
    commits = Commits(0.5, Tally())
    assignment = an_assignment(settled=(0,))
    commits.due([assignment], 10.0)
    assignment.settle(1, 0)
    assert {} == commits.due([assignment], 99.0)
    commits.answered([assignment], None)
    assert {P0: said(2, at_risk=1)} == commits.due([assignment], 99.0)


def test_a_commit_that_failed_is_said_again() -> None:
    tally = Tally()
    commits = Commits(0.5, tally)
    assignment = an_assignment(settled=(0,))
    commits.due([assignment], 10.0)
    commits.answered([assignment], "RebalanceInProgressError")
    assert {P0: said(1)} == commits.due([assignment], 10.5)
    commits.answered([assignment], None)
    assert {"RebalanceInProgressError": 1, "ok": 1} == tally.commits


def test_with_no_partition_nothing_is_committed_and_nothing_in_flight() -> None:
    commits = Commits(0.5, Tally())
    gone = an_assignment(settled=(0,))
    gone.gone = True
    assert {} == commits.due([gone], 10.0)
    assert {P1} == set(commits.due([an_assignment(P1, settled=(0,))], 10.0))
