from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.core.varint import Reader, varint


@pytest.mark.parametrize(
    ("number", "octets"),
    [(0, b"\x00"), (127, b"\x7f"), (128, b"\x80\x01"), (16_383, b"\xff\x7f"), (16_384, b"\x80\x80\x01")],
)
def test_a_number_takes_a_byte_for_each_seven_bits(number: int, octets: bytes) -> None:
    assert octets == varint(number)


@given(st.lists(st.integers(0, 2**63 - 1)))
def test_numbers_are_read_back_one_after_another(numbers: list[int]) -> None:
    reader = Reader(b"".join(map(varint, numbers)))
    read = []
    while reader:
        read.append(reader.varint())
    assert numbers == read


@pytest.mark.parametrize("number", [-1, 2**63])
def test_what_is_no_offset_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="not between"):
        varint(number)


def test_a_number_that_never_ends_is_refused_after_nine_bytes() -> None:
    with pytest.raises(ValueError, match="63 bits"):
        Reader(b"\x80" * 3_000).varint()


@pytest.mark.parametrize("octets", [b"", b"\x80"])
def test_a_number_that_is_cut_off_is_refused(octets: bytes) -> None:
    with pytest.raises(ValueError, match="too early"):
        Reader(octets).varint()


def test_no_more_is_taken_than_there_is() -> None:
    with pytest.raises(ValueError, match="too early"):
        Reader(b"abc").take(4)
