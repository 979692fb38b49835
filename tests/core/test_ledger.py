from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import accumulate
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.core.commit_metadata import LONGEST_TEXT, Metadata, decode, encode
from worker.core.ledger import SLACK, Ledger
from worker.core.offset_map import FRAME, MAP_BYTES, NOTHING, OffsetMap, pack


def a_ledger(*offsets: int, start: int = 10, settled: OffsetMap = NOTHING, envelopes: int = 1) -> Ledger:
    """One that tracks these offsets, each of so many members."""
    ledger = Ledger(start, settled)
    for offset in offsets:
        ledger.track(offset, envelopes)
    return ledger


def settle_all(ledger: Ledger, *offsets: int) -> None:
    for offset in offsets:
        ledger.settle(offset)


# --- What may be committed


def test_a_new_ledger_commits_where_it_starts() -> None:
    assert 10 == Ledger(10).committable


def test_what_may_be_committed_is_the_lowest_unsettled_offset() -> None:
    ledger = a_ledger(10, 11, 12)
    settle_all(ledger, 10, 12)
    assert 11 == ledger.committable
    assert 11 == ledger.lowest_unsettled


def test_where_all_is_settled_it_is_the_next_offset_to_read() -> None:
    ledger = a_ledger(10, 11)
    settle_all(ledger, 11, 10)
    assert 12 == ledger.committable
    assert ledger.lowest_unsettled is None


def test_a_gap_between_records_blocks_nothing() -> None:
    ledger = a_ledger(10, 500, 9_000)
    settle_all(ledger, 10, 500)
    assert 9_000 == ledger.committable
    ledger.settle(9_000)
    assert 9_001 == ledger.committable


def test_a_gap_at_the_end_of_what_was_read_is_committed_over() -> None:
    ledger = a_ledger(10)
    ledger.passed(15)
    assert 10 == ledger.committable
    ledger.settle(10)
    assert 15 == ledger.committable


def test_a_position_that_was_already_known_changes_nothing() -> None:
    ledger = a_ledger(10)
    ledger.settle(10)
    ledger.passed(5)
    assert 11 == ledger.committable


def test_a_gap_at_the_end_takes_no_room_in_the_map() -> None:
    ledger = a_ledger(10, 11, 12)
    ledger.settle(11)
    ledger.passed(1_000_000)
    assert OffsetMap(stop=12, holes=(10,)) == ledger.offset_map()


def test_an_envelope_blocks_until_its_last_member_is_settled() -> None:
    ledger = a_ledger(10, 11, envelopes=3)
    for member in (2, 0):
        ledger.settle(10, member)
    assert (10, 2) == (ledger.committable, ledger.unsettled)
    ledger.settle(10, 1)
    assert (11, 1) == (ledger.committable, ledger.unsettled)


# --- Mistakes of the program


@pytest.mark.parametrize("offset", [9, 10, 11])
def test_offsets_that_do_not_ascend_are_a_mistake(offset: int) -> None:
    with pytest.raises(ValueError, match=f"offset {offset} with 1 members, read after 11"):
        a_ledger(11).track(offset)


def test_a_record_below_a_position_that_was_passed_is_a_mistake() -> None:
    ledger = a_ledger(10)
    ledger.passed(20)
    with pytest.raises(ValueError, match="read after 19"):
        ledger.track(19)


def test_a_record_without_members_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="with 0 members"):
        a_ledger().track(10, 0)


@pytest.mark.parametrize(("offset", "member"), [(10, 0), (11, 1), (12, 0), (13, 0), (13, 3)])
def test_settling_twice_or_what_is_not_tracked_is_a_mistake(offset: int, member: int) -> None:
    ledger = a_ledger(10, 11)
    ledger.track(13, 3)
    ledger.settle(10)
    ledger.settle(13, 0)
    with pytest.raises(ValueError, match=f"member {member} of offset {offset} is settled already"):
        ledger.settle(offset, member)


# --- What is known as settled


def test_what_lies_below_the_start_is_settled() -> None:
    assert Ledger(10).is_settled(9)
    assert not Ledger(10).is_settled(10)


def test_a_restored_record_is_settled_before_and_after_it_is_read() -> None:
    ledger = a_ledger(10, settled=OffsetMap(stop=12, holes=(10,)))
    assert ledger.is_settled(11)
    ledger.track(11)
    assert ledger.is_settled(11)
    assert 1 == ledger.unsettled


def test_restored_members_are_settled_before_and_after_their_envelope_is_read() -> None:
    ledger = a_ledger(settled=OffsetMap(stop=11, holes=(10,), partly={10: b"\x05"}))
    before = [ledger.is_settled(10, member) for member in range(4)]
    ledger.track(10, 4)
    after = [ledger.is_settled(10, member) for member in range(4)]
    assert [True, False, True, False] == before == after
    assert not ledger.is_settled(10)


def test_every_member_of_a_restored_record_is_settled() -> None:
    assert Ledger(10, OffsetMap(stop=12, holes=(10,))).is_settled(11, 3)


def test_an_envelope_all_of_whose_members_are_restored_is_settled_when_read() -> None:
    ledger = a_ledger(10, settled=OffsetMap(stop=11, holes=(10,), partly={10: b"\x03"}), envelopes=2)
    assert (11, 0) == (ledger.committable, ledger.unsettled)


def test_what_was_settled_here_is_settled() -> None:
    ledger = a_ledger(10, 11, envelopes=2)
    ledger.settle(10, 1)
    settled = [[ledger.is_settled(offset, member) for member in (None, 0, 1)] for offset in (10, 11)]
    assert [[False, False, True], [False, False, False]] == settled


def test_a_record_with_restored_members_that_is_no_envelope_any_more_is_handled() -> None:
    ledger = a_ledger(10, settled=OffsetMap(stop=11, holes=(10,), partly={10: b"\x02"}))
    assert NOTHING == ledger.offset_map()
    ledger.settle(10)
    assert 11 == ledger.committable


# --- What the map says


def test_the_map_has_what_is_settled_above_what_may_be_committed() -> None:
    ledger = a_ledger(10, 11, 12, 13, 14)
    settle_all(ledger, 11, 13)
    assert OffsetMap(stop=14, holes=(10, 12)) == ledger.offset_map()
    assert 2 == ledger.settled_ahead


def test_the_map_has_the_settled_members_of_unsettled_envelopes() -> None:
    ledger = a_ledger(10, 11, 12, envelopes=9)
    ledger.settle(11, 8)
    assert OffsetMap(stop=12, holes=(10, 11), partly={11: b"\x00\x01"}) == ledger.offset_map()


def test_nothing_settled_ahead_is_an_empty_map() -> None:
    ledger = a_ledger(10, 11)
    assert NOTHING == ledger.offset_map()
    settle_all(ledger, 10, 11)
    assert NOTHING == ledger.offset_map()
    assert 0 == ledger.settled_ahead


def test_what_an_earlier_commit_said_is_said_again_before_it_is_read() -> None:
    restored = OffsetMap(stop=20, holes=(10, 15, 16), partly={15: b"\x01"})
    ledger = a_ledger(10, settled=restored)
    assert restored == ledger.offset_map()
    ledger.settle(10)
    assert OffsetMap(stop=20, holes=(15, 16), partly={15: b"\x01"}) == ledger.offset_map()
    assert 11 == ledger.committable
    assert 9 - 2 == ledger.settled_ahead


def test_restored_holes_that_are_not_met_are_gaps() -> None:
    restored = OffsetMap(stop=20, holes=(10, 12, 15, 17), partly={12: b"\x01", 17: b"\x01"})
    ledger = a_ledger(10, 16, settled=restored)
    assert OffsetMap(stop=20, holes=(10, 17), partly={17: b"\x01"}) == ledger.offset_map()
    ledger.passed(18)
    assert OffsetMap(stop=20, holes=(10,)) == ledger.offset_map()


def test_a_restored_hole_that_nobody_can_read_any_more_blocks_nothing() -> None:
    ledger = a_ledger(10, 30, settled=OffsetMap(stop=20, holes=(10, 15)))
    ledger.settle(30)
    assert OffsetMap(stop=31, holes=(10,)) == ledger.offset_map()
    ledger.settle(10)
    assert 31 == ledger.committable


def test_a_start_above_the_commit_forgets_what_retention_took() -> None:
    restored = OffsetMap(stop=20, holes=(10, 15), partly={10: b"\x01", 15: b"\x01"})
    assert OffsetMap(stop=20, holes=(15,), partly={15: b"\x01"}) == Ledger(14, restored).offset_map()
    assert NOTHING == Ledger(20, restored).offset_map()


# --- What is admitted


def settle_every_second(start: int) -> tuple[Ledger, int]:
    """A ledger as full as it gets when every second record stays unsettled, and the first offset not admitted."""
    ledger = Ledger(start)
    offset = start
    while ledger.admits(offset):
        ledger.track(offset)
        if offset % 2:
            ledger.settle(offset)
        offset += 1
    return ledger, offset


def test_a_window_of_two_thousand_seven_hundred_and_fifty_bytes_of_bits_is_admitted() -> None:
    ledger, stop = settle_every_second(0)
    assert 8 * (MAP_BYTES - 5) == stop
    assert MAP_BYTES - 2 == len(pack(ledger.offset_map(), 0))


def test_records_far_apart_are_admitted_by_the_number_of_holes() -> None:
    ledger = Ledger(0)
    admitted = 0
    while ledger.admits(20 * admitted):
        ledger.track(20 * admitted)
        admitted += 1
    # A bitmap would take 2.5 bytes for each. The bound: a byte for each run, one more for each 128 and 16,384 offsets.
    spans = [(holes, 20 * (holes - 1) + 1) for holes in (admitted, admitted + 1)]
    assert [MAP_BYTES - 1, MAP_BYTES] == [FRAME + holes + 1 + (span >> 7) + (span >> 14) for holes, span in spans]


def test_a_full_ledger_admits_again_when_its_lowest_offset_is_settled() -> None:
    ledger, stop = settle_every_second(0)
    ledger.settle(4)
    assert not ledger.admits(stop)
    settle_all(ledger, 0, 2)
    assert ledger.admits(stop)


def test_one_failing_record_lets_millions_pass() -> None:
    ledger = a_ledger(0, start=0)
    assert ledger.admits(2**40)


def test_one_record_is_always_admitted_whatever_its_size() -> None:
    assert Ledger(10).admits(10, 1_000_000)
    ledger, stop = settle_every_second(0)
    settle_all(ledger, *range(0, stop, 2))
    assert ledger.admits(stop, 1_000_000)


def test_a_member_more_than_there_is_room_for_is_not_admitted() -> None:
    ledger = a_ledger(10)
    room = MAP_BYTES - 1 - 4 - 4 - 1  # below the bound, the frame, the entry, the listing of two offsets
    assert ledger.admits(11, 8 * room)
    assert not ledger.admits(11, 8 * room + 1)


def test_the_members_of_an_envelope_too_large_for_the_map_are_listed_when_it_is_settled_whole() -> None:
    ledger = a_ledger(10, envelopes=40_000)
    ledger.settle(10, 39_999)
    assert NOTHING == ledger.offset_map()
    assert not ledger.admits(11)
    for member in range(39_999):
        ledger.settle(10, member)
    assert 11 == ledger.committable
    assert ledger.admits(11)


def test_a_restored_map_at_its_bound_does_not_stop_its_own_holes() -> None:
    full, stop = settle_every_second(0)
    again = Ledger(0, full.offset_map())
    for offset in range(stop - 1):
        assert again.admits(offset)
        again.track(offset)
    assert full.offset_map() == again.offset_map()
    assert not again.admits(stop)


def test_an_envelope_that_a_full_restored_map_has_no_room_for_takes_nothing_of_it_back() -> None:
    full, _ = settle_every_second(0)
    again = Ledger(0, full.offset_map())
    assert again.admits(0, 80)
    again.track(0, 80)
    again.settle(0, 7)
    assert full.offset_map() == again.offset_map()
    assert not again.admits(2)
    assert again.admits(3)


def test_restored_members_stay_listed_where_a_new_envelope_would_not_be() -> None:
    full, stop = settle_every_second(0)
    holes = full.offset_map().holes
    restored = OffsetMap(stop, holes, {0: b"\x01"})  # of a release that had more room
    again = Ledger(0, restored)
    again.track(0, 8)
    again.settle(0, 1)
    assert OffsetMap(stop, holes, {0: b"\x03"}) == again.offset_map()


# --- Bounds of memory


def test_a_record_that_fails_for_hours_costs_no_memory_for_those_that_pass() -> None:
    ledger = a_ledger(0, start=0)
    for offset in range(1, 20 * SLACK):
        ledger.track(offset)
        ledger.settle(offset)
        assert 0 == ledger.committable
        assert len(ledger._order) <= SLACK + 3
    assert OffsetMap(stop=20 * SLACK, holes=(0,)) == ledger.offset_map()


# --- Any schedule of reading, settling, committing and crashing


@dataclass
class Life:
    """A partition and its owners, one after another. ``done`` is what was settled, ``said`` what commits said of it."""

    log: list[tuple[int, int]]  # offset and members of each record
    committed: int = 0
    text: str = ""
    done: set[tuple[int, int]] = field(default_factory=set)
    said: set[tuple[int, int]] = field(default_factory=set)
    ledger: Ledger = field(default_factory=lambda: Ledger(0))
    at: int = 0  # the next record in the log
    lowest: int = 0

    def __post_init__(self) -> None:
        self.written = list(self.log)

    def compact(self, pick: int) -> None:
        """A record that this owner has not read yet goes away."""
        if unread := self.log[self.at :]:
            self.log.remove(unread[pick % len(unread)])

    def read(self) -> None:
        if self.at < len(self.log) and self.ledger.admits(*self.log[self.at]):
            offset, members = self.log[self.at]
            known = {(offset, member) for member in range(members) if self.ledger.is_settled(offset, member)}
            assert {one for one in self.said if one[0] == offset} == known  # exactly the others are handled again
            self.ledger.track(offset, members)
            self.at += 1
        elif self.at == len(self.log) and self.written:
            self.ledger.passed(self.written[-1][0] + 4)

    def open(self) -> list[tuple[int, int]]:
        return [one for one in self._events(self.log[: self.at]) if one not in self.done]

    def settle(self, pick: int) -> None:
        if waiting := self.open():
            one = waiting[pick % len(waiting)]
            self.ledger.settle(*one)
            self.done.add(one)

    def commit(self) -> None:
        self.committed = self.ledger.committable
        self.text = encode(Metadata(settled=self.ledger.offset_map()), self.committed)
        said = self.said
        self.said = self._said_by_the_commit()
        assert said <= self.said  # nothing is ever taken back

    def crash(self) -> None:
        metadata = decode(self.text, self.committed)
        assert metadata is not None
        self.ledger = Ledger(self.committed, metadata.settled)
        self.done = set(self.said)
        self.at = sum(offset < self.committed for offset, _ in self.log)
        self.lowest = self.committed

    def check(self) -> None:
        waiting = self.open()
        unread = [offset for offset, _ in self.log[self.at :]]
        assert self.ledger.committable <= min([offset for offset, _ in waiting] + unread, default=2**63)
        assert self.lowest <= self.ledger.committable
        self.lowest = self.ledger.committable
        assert len({offset for offset, _ in waiting}) == self.ledger.unsettled
        assert min((offset for offset, _ in waiting), default=None) == self.ledger.lowest_unsettled

    def _said_by_the_commit(self) -> set[tuple[int, int]]:
        """By set arithmetic alone, from the text: what lies below the offset, whole records, single members."""
        metadata = decode(self.text, self.committed)
        assert metadata is not None
        settled = metadata.settled
        return {
            (offset, member)
            for offset, member in self._events(self.written)
            if offset < self.committed or settled.settles(offset) or settled.members(offset) >> member & 1
        }

    @staticmethod
    def _events(records: list[tuple[int, int]]) -> list[tuple[int, int]]:
        return [(offset, member) for offset, members in records for member in range(members)]


@dataclass(frozen=True)
class Compact:
    pick: int


@st.composite
def logs(draw: st.DrawFn) -> list[tuple[int, int]]:
    offset = -1
    log = []
    sizes = st.sampled_from([1, 1, 1, 2, 3, 9])
    for gap in draw(st.lists(st.sampled_from([0, 0, 0, 0, 1, 5, 200]), max_size=30)):
        offset += 1 + gap
        log.append((offset, draw(sizes)))
    return log


steps = st.one_of(
    st.just("read"),
    st.just("read"),
    st.integers(0, 100),
    st.integers(0, 100),
    st.just("commit"),
    st.just("crash"),
    st.builds(Compact, st.integers(0, 100)),
)


@settings(max_examples=400, deadline=None)
@given(logs(), st.lists(steps, max_size=120))
def test_whatever_crashes_nothing_settled_and_committed_is_handled_again_and_nothing_else_is_missed(
    log: list[tuple[int, int]], schedule: list[str | int | Compact]
) -> None:
    life = Life(list(log))
    for step in schedule:
        match step:
            case "read":
                life.read()
            case "commit":
                life.commit()
                assert life.done <= life.said  # small envelopes: all that is settled is said
                assert not life.said & set(life.open() + life._events(life.log[life.at :])) - life.done
            case "crash":
                life.crash()
            case Compact(pick):
                life.compact(pick)
            case int():
                life.settle(step)
        life.check()
    while life.at < len(life.log) or life.open():
        life.read()
        life.settle(0)
    life.read()
    assert set(life._events(life.log)) <= life.done
    assert (log[-1][0] + 4 if log else 0) == life.ledger.committable
    assert NOTHING == life.ledger.offset_map()


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 2**32),
    st.sampled_from([1, 1, 20, 300]),
    st.sampled_from([1, 1, 12, 2_000]),
    st.sampled_from([0.02, 0.5, 0.9, 0.995]),
    st.sampled_from([0.0, 0.3]),
)
def test_no_schedule_makes_the_map_longer_than_kafka_keeps(
    seed: int, gap: int, members: int, settled: float, upwards: float
) -> None:
    random = Random(seed)
    offsets = accumulate(random.randint(1, gap) for _ in range(24_000))
    log = [(offset, random.randint(1, members)) for offset in offsets]
    committed, ledger = 0, Ledger(0)
    for _ in range(5):
        waiting: list[tuple[int, int]] = []
        for offset, size in log[bisect_left(log, (committed, 0)) :]:
            if not ledger.admits(offset, size):
                break
            ledger.track(offset, size)
            waiting += [(offset, one) for one in range(size) if not ledger.is_settled(offset, one)]
            while waiting and random.random() < settled:
                at = len(waiting) - 1 if random.random() < upwards else random.randrange(len(waiting))
                waiting[at], waiting[-1] = waiting[-1], waiting[at]
                ledger.settle(*waiting.pop())
        committed, known = ledger.committable, ledger.offset_map()
        text = encode(Metadata(1.7e9, bytes(16), known), committed)
        assert known == NOTHING or len(pack(known, committed)) < MAP_BYTES
        assert len(text) <= LONGEST_TEXT
        restored = decode(text, committed)
        assert restored is not None
        ledger = Ledger(committed, restored.settled)


# --- The properties see a planted bug


class HighestOffsetLedger(Ledger):
    """Commits what everybody commits first: the highest offset that was settled, and one."""

    __slots__ = ("_highest",)

    def __init__(self) -> None:
        super().__init__(0)
        self._highest = 0

    def settle(self, offset: int, member: int = 0) -> None:
        super().settle(offset, member)
        self._highest = max(self._highest, offset + 1)

    @property
    def committable(self) -> int:
        return self._highest


@pytest.mark.interpreted
def test_to_commit_the_highest_offset_is_found_out() -> None:
    life = Life([(0, 1), (1, 1)], ledger=HighestOffsetLedger())
    life.read()
    life.read()
    life.settle(1)
    with pytest.raises(AssertionError):
        life.check()
