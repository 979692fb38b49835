from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.core.offset_map import (
    FRAME,
    NOTHING,
    Form,
    OffsetMap,
    listing_bytes,
    members_bytes,
    pack,
    trimmed,
    unpack,
)
from worker.core.varint import varint

distances = st.one_of(
    st.integers(1, 3), st.integers(100, 200), st.sampled_from([2**7, 2**14 - 1, 2**14, 2**21, 2**40]), st.just(1)
)
bitmaps = st.integers(1, 300).flatmap(lambda members: st.binary(min_size=members // 8 + 1, max_size=members // 8 + 1))


@st.composite
def maps(draw: st.DrawFn, committed: int) -> OffsetMap:
    """Maps as a ledger makes them: nothing is said about the holes at the end."""
    first = committed + draw(st.integers(0, 300))
    holes = [first]
    for distance in draw(st.lists(distances, max_size=60)):
        holes.append(holes[-1] + distance)
    partly = {hole: draw(bitmaps) for hole in draw(st.sets(st.sampled_from(holes), max_size=8))}
    return trimmed(committed, holes[-1] + 1 + draw(distances), holes, partly)


def a_settled_range(start: int, stop: int) -> list[bool]:
    return [OffsetMap(stop=16, holes=(10, 13)).settles(offset) for offset in range(start, stop)]


def test_all_below_its_end_is_settled_but_the_holes() -> None:
    assert [False, True, True, False, True, True, False, False] == a_settled_range(10, 18)


def test_nothing_settles_nothing() -> None:
    assert not NOTHING.settles(0)


def test_the_settled_members_of_an_envelope_are_bits_the_lowest_first() -> None:
    settled = OffsetMap(stop=11, holes=(10,), partly={10: b"\x05\x01"})
    assert 0b1_0000_0101 == settled.members(10)
    assert 0 == settled.members(11)


def test_what_retention_took_unsettled_is_the_holes_and_what_lies_beyond_the_map() -> None:
    settled = OffsetMap(stop=16, holes=(10, 13))
    assert 2 == settled.unsettled_between(10, 16)
    assert 1 == settled.unsettled_between(11, 14)
    assert 2 + 4 == settled.unsettled_between(10, 20)
    assert 3 == settled.unsettled_between(17, 20)
    assert 10 == NOTHING.unsettled_between(10, 20)


def test_the_holes_at_the_end_are_left_out() -> None:
    assert OffsetMap(stop=12, holes=(10,)) == trimmed(10, 14, [10, 12, 13], {})


def test_a_partly_settled_envelope_at_the_end_is_kept() -> None:
    assert OffsetMap(stop=13, holes=(10, 12), partly={12: b"\x01"}) == trimmed(10, 14, [10, 12, 13], {12: b"\x01"})


def test_a_map_of_holes_alone_is_nothing() -> None:
    assert NOTHING == trimmed(10, 13, [10, 11, 12], {})


def test_every_second_hole_is_cheapest_as_a_bitmap() -> None:
    settled = trimmed(100, 120, range(100, 120, 2), {})
    assert bytes((Form.BITMAP, 3)) + b"\xaa\xaa\x0a" == pack(settled, 100)


def test_few_holes_are_cheapest_as_runs_of_what_is_settled_between_them() -> None:
    settled = trimmed(100, 100_000, [100, 200], {})
    assert bytes((Form.RUNS, 5, 0, 99)) + varint(100_000 - 201) == pack(settled, 100)


def test_distances_of_two_bytes_can_make_runs_the_longer_ones() -> None:
    settled = OffsetMap(stop=245, holes=(*range(29), 220))
    assert bytes((Form.BITMAP, 31)) == pack(settled, 0)[:2]
    assert settled == unpack(pack(settled, 0), 0)


def test_members_follow_their_holes_by_the_number_of_holes_between() -> None:
    settled = OffsetMap(stop=200, holes=(100, 101, 102, 103), partly={101: b"\x03", 103: b"\x01\x02"})
    assert bytes((Form.RUNS, 5, 0, 0, 0, 0, 96, 1, 1, 3, 2, 2, 1, 2)) == pack(settled, 100)


@given(st.integers(0, 2**50).flatmap(lambda committed: st.tuples(st.just(committed), maps(committed))))
def test_a_map_is_read_back_as_it_was_written(case: tuple[int, OffsetMap]) -> None:
    committed, settled = case
    assert settled == unpack(pack(settled, committed), committed)


@given(maps(100))
def test_no_map_is_longer_than_its_bound(settled: OffsetMap) -> None:
    members = sum(members_bytes(8 * len(bitmap)) for bitmap in settled.partly.values())
    assert len(pack(settled, 100)) <= FRAME + listing_bytes(settled.stop - 100, len(settled.holes)) + members


@given(st.lists(distances, min_size=2, max_size=60), st.data())
def test_to_settle_never_makes_the_bound_larger(steps: list[int], data: st.DataObject) -> None:
    offsets = [100]
    for step in steps:
        offsets.append(offsets[-1] + step)
    bounds = []
    for one in data.draw(st.permutations(offsets[:-1])):
        bounds.append(listing_bytes(offsets[-1] + 1 - offsets[0], len(offsets)))
        offsets.remove(one)
    assert all(later <= earlier for earlier, later in pairwise(bounds))


def test_a_distance_of_many_holes_is_within_the_bound() -> None:
    holes = range(20_000)
    settled = OffsetMap(stop=20_001, holes=tuple(holes), partly={19_999: b"\x01" * 128})
    assert len(pack(settled, 0)) == FRAME + listing_bytes(20_001, 20_000) + members_bytes(128 * 8)


@pytest.mark.parametrize(
    "settled",
    [OffsetMap(stop=100), OffsetMap(stop=90, holes=(80,)), OffsetMap(stop=120, holes=(99, 105)), NOTHING],
    ids=["nothing above", "all below", "a hole below", "nothing"],
)
def test_a_map_of_another_offset_is_not_written(settled: OffsetMap) -> None:
    with pytest.raises(ValueError, match="does not go with offset 100"):
        pack(settled, 100)


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"\x02\x01\x01",
        b"\x01",
        b"\x01\x05\x01",
        b"\x01\x00",
        b"\x01\x01\x80",
        b"\x01\x02\x00\x05\x01\x01\x01",
        b"\x01\x02\x00\x05\x00\x02\x01",
    ],
    ids=[
        "empty",
        "an unknown form",
        "no listing",
        "a listing cut off",
        "no run",
        "a run cut off",
        "members of no hole",
        "members cut off",
    ],
)
def test_what_is_no_map_is_not_read(packed: bytes) -> None:
    with pytest.raises(ValueError, match=r"early|Form|not a hole"):
        unpack(packed, 100)


@given(st.binary(max_size=3_072))
def test_hostile_bytes_take_no_more_than_they_weigh(packed: bytes) -> None:
    try:
        settled = unpack(packed, 100)
    except ValueError:
        return
    assert len(settled.holes) <= 8 * len(packed)
    assert sum(map(len, settled.partly.values())) <= len(packed)
