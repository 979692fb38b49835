from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.core.commit_metadata import Metadata, decode, encode
from worker.core.offset_map import OffsetMap
from worker.core.records import Position
from worker.core.starts import (
    EARLIEST,
    Anew,
    AtCommit,
    AtTime,
    Begin,
    Committed,
    NoStart,
    StartAt,
    begin,
    group_start,
)


def a_commit(offset: int = 500, metadata: Metadata | None = None) -> Committed:
    return Committed(Position(offset), metadata)


def a_beginning(
    commit: Committed | None = None,
    began: float | None = None,
    setting: StartAt | None = None,
    now: float = 9_000.0,
    topic_id: bytes | None = None,
) -> Begin:
    return begin(commit, began, setting, now, topic_id)


def committed(begun: Begin, offset: int) -> Committed:
    """What the group's next look at its commits finds, after the first one of this beginning."""
    text = encode(begun.metadata, offset)
    return Committed(Position(offset, text), decode(text, offset))


def test_a_topic_of_our_own_begins_at_its_first_record_and_the_group_where_it_did() -> None:
    fresh, later = (begin(None, began, "latest", 100.0, ours=True) for began in (None, 50.0))
    assert (AtTime(EARLIEST, 100.0), AtTime(EARLIEST, 50.0)) == (fresh, later)
    assert (Metadata(start=100.0), Metadata(start=50.0)) == (fresh.metadata, later.metadata)


def test_a_topic_of_our_own_goes_on_at_its_commit() -> None:
    assert AtCommit(7, Metadata(start=50.0)) == begin(a_commit(7), 50.0, None, 100.0, ours=True)


# --- The three ways in which `start_at` could lose or flood


def test_a_partition_that_the_topic_gained_begins_where_the_group_did_and_not_at_its_end() -> None:
    others = [committed(a_beginning(setting="latest", now=100.0), offset=500)]
    assert AtTime(100.0) == a_beginning(began=group_start(others), setting="latest", now=9_000.0)


def test_a_start_that_was_committed_first_outlives_a_crash_before_the_first_record() -> None:
    first = committed(a_beginning(setting="latest", now=100.0), offset=500)
    again = a_beginning(commit=first, began=group_start([first]), setting="latest", now=9_000.0)
    assert AtCommit(500, Metadata(start=100.0)) == again


@pytest.mark.parametrize("others", [[], [a_commit(metadata=None)], [a_commit(metadata=Metadata())]])
def test_a_new_or_renamed_group_without_start_at_does_not_begin_anywhere(others: list[Committed]) -> None:
    with pytest.raises(NoStart, match="`start_at` is not set"):
        a_beginning(began=group_start(others), setting=None)


# --- A partition without a commit


@pytest.mark.parametrize(
    ("setting", "time"), [("earliest", EARLIEST), ("latest", 9_000.0), (1_234.5, 1_234.5), (0.0, EARLIEST)]
)
def test_a_new_group_begins_where_the_setting_says(setting: StartAt, time: float) -> None:
    assert AtTime(time) == a_beginning(setting=setting, now=9_000.0)


@pytest.mark.parametrize("setting", ["earliest", "latest", 1_234.5, None])
def test_the_groups_own_start_comes_before_the_setting(setting: StartAt | None) -> None:
    assert AtTime(100.0) == a_beginning(began=100.0, setting=setting)


def test_a_group_that_began_at_the_earliest_record_goes_on_doing_so() -> None:
    others = [committed(a_beginning(setting="earliest"), offset=0)]
    assert AtTime(EARLIEST) == a_beginning(began=group_start(others), setting="latest")


def test_a_start_is_carried_as_the_time_it_was_resolved_to() -> None:
    assert Metadata(start=9_000.0) == a_beginning(setting="latest", now=9_000.0).metadata


@given(st.floats(0, 4e9))
def test_latest_is_carried_exactly_and_is_never_later_than_now(now: float) -> None:
    begun = a_beginning(setting="latest", now=now)
    assert isinstance(begun, AtTime)
    assert now - 0.0011 < begun.time <= now
    assert begun.time == group_start([committed(begun, offset=500)])


# --- A partition with a commit


def test_a_commit_is_gone_on_from_with_all_that_it_said() -> None:
    metadata = Metadata(start=100.0, topic_id=bytes(16), settled=OffsetMap(stop=503, holes=(500,)))
    assert AtCommit(500, metadata) == a_beginning(commit=a_commit(500, metadata), began=100.0)


@pytest.mark.parametrize("metadata", [None, Metadata()], ids=["another program's", "none"])
def test_a_commit_without_a_word_of_ours_is_obeyed_without_the_setting(metadata: Metadata | None) -> None:
    assert AtCommit(500, Metadata()) == a_beginning(commit=a_commit(500, metadata))


def test_a_commit_without_a_start_carries_the_groups_from_then_on() -> None:
    assert AtCommit(500, Metadata(start=100.0)) == a_beginning(commit=a_commit(500, None), began=100.0)


def test_a_group_that_another_program_began_carries_the_setting_resolved_from_then_on() -> None:
    taken_over = a_beginning(commit=a_commit(500, None), setting="latest", now=200.0)
    assert AtCommit(500, Metadata(start=200.0)) == taken_over
    gained = a_beginning(began=group_start([committed(taken_over, offset=500)]), setting="latest", now=9_000.0)
    assert AtTime(200.0) == gained


# --- When the group began


def test_the_group_began_at_the_earliest_time_that_its_commits_carry() -> None:
    commits = [a_commit(metadata=Metadata(start=start)) for start in (300.0, 100.0, 200.0)]
    assert 100.0 == group_start([a_commit(metadata=None), *commits, a_commit(metadata=Metadata())])


def test_commits_that_carry_no_time_do_not_say_when_the_group_began() -> None:
    assert group_start([a_commit(metadata=None), a_commit(metadata=Metadata())]) is None


# --- A topic that was deleted and made anew

OLD, NEW = b"o" * 16, b"n" * 16


def test_a_commit_of_a_topic_that_was_made_anew_under_its_name_is_ignored_whole() -> None:
    commit = a_commit(metadata=Metadata(start=100.0, topic_id=OLD, settled=OffsetMap(510, (505,))))
    assert Anew(100.0) == a_beginning(commit, began=100.0, setting="latest", topic_id=NEW)


def test_the_start_of_the_group_outlives_the_topic() -> None:
    assert Metadata(start=100.0) == a_beginning(a_commit(metadata=Metadata(topic_id=OLD)), 100.0, topic_id=NEW).metadata


@pytest.mark.parametrize(("said", "now"), [(OLD, OLD), (None, NEW), (OLD, None), (None, None)])
def test_a_commit_counts_where_the_topic_is_the_same_or_nobody_tells(said: bytes | None, now: bytes | None) -> None:
    metadata = Metadata(start=100.0, topic_id=said)
    assert AtCommit(500, metadata) == a_beginning(a_commit(metadata=metadata), 100.0, topic_id=now)
