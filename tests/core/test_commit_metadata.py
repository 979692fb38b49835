from __future__ import annotations

from base64 import urlsafe_b64encode
from random import Random
from string import ascii_letters, digits
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.core.commit_metadata import LONGEST_TEXT, MOST_FAILING, Failing, Metadata, decode, encode
from worker.core.offset_map import OffsetMap, trimmed
from worker.core.varint import varint

ALPHABET = ascii_letters + digits + "-_"


def some_metadata() -> Metadata:
    settled = OffsetMap(stop=200, holes=(100, 103, 150), partly={103: b"\x05"})
    return Metadata(start=1_700_000_000.123, topic_id=bytes(range(16)), settled=settled)


def signed(body: bytes, committed: int) -> str:
    """A text with a right checksum, whatever it says."""
    checksum = crc32(body, crc32(varint(committed))).to_bytes(4, "big")
    return urlsafe_b64encode(body + checksum).rstrip(b"=").decode()


@st.composite
def anything(draw: st.DrawFn) -> tuple[int, Metadata]:
    committed = draw(st.integers(0, 2**40))
    holes = sorted({committed} | {committed + hole for hole in draw(st.sets(st.integers(0, 5_000), max_size=50))})
    partly = {hole: draw(st.binary(min_size=1, max_size=4)) for hole in draw(st.sets(st.sampled_from(holes)))}
    settled = trimmed(committed, holes[-1] + draw(st.integers(1, 300)), holes, partly)
    start = draw(st.none() | st.integers(0, 2**42))
    topic_id = draw(st.none() | st.binary(min_size=16, max_size=16))
    failing = [
        Failing(committed + draw(st.integers(0, 5_000)), draw(st.integers(0, 300)), first)
        for first in sorted(draw(st.lists(st.integers(1_700_000_000, 1_700_100_000), max_size=MOST_FAILING)))
    ]
    at_risk = draw(st.integers(0, 20_000))
    return committed, Metadata(None if start is None else start / 1000, topic_id, settled, tuple(failing), at_risk)


@given(anything())
def test_metadata_is_read_back_as_it_was_written(case: tuple[int, Metadata]) -> None:
    committed, metadata = case
    assert metadata == decode(encode(metadata, committed), committed)


def test_whole_milliseconds_of_the_start_survive() -> None:
    assert Metadata(start=1_700_000_000.123) == decode(encode(Metadata(start=1_700_000_000.123), 7), 7)


def test_earliest_is_a_start_and_not_the_lack_of_one() -> None:
    assert Metadata(start=0.0) == decode(encode(Metadata(start=0.0), 7), 7)


def test_a_commit_without_text_is_no_damage() -> None:
    assert Metadata() == decode("", 7)


def test_the_text_is_base64url_without_padding() -> None:
    assert set(encode(some_metadata(), 100)) <= set(ALPHABET)


def test_the_format_is_the_one_that_earlier_releases_wrote() -> None:
    text = "AQEG-9CV_7wxAhAAAQIDBAUGBwgJCgsMDQ4PAwkBBAACLjEBAQU_wIEn"
    assert text == encode(some_metadata(), 100)
    assert some_metadata() == decode(text, 100)


@pytest.mark.parametrize("at", range(len(encode(some_metadata(), 100))))
def test_no_character_can_be_changed_unnoticed(at: int) -> None:
    text = encode(some_metadata(), 100)
    changed = [text[:at] + other + text[at + 1 :] for other in ALPHABET + "=+/ é" if other != text[at]]
    assert [None] * len(changed) == [decode(one, 100) for one in changed]


def test_no_end_can_be_cut_off_and_nothing_added_unnoticed() -> None:
    text = encode(some_metadata(), 100)
    damaged = [*(text[:length] for length in range(1, len(text))), text + "A", text + "=", "A" + text, text + "\n"]
    assert [None] * len(damaged) == [decode(one, 100) for one in damaged]


@given(st.text(max_size=100) | st.text(ALPHABET, min_size=1, max_size=5_000))
def test_a_text_of_another_program_is_not_read(text: str) -> None:
    assert (Metadata() if text == "" else None) == decode(text, 100)


def test_a_commit_that_was_moved_with_its_text_settles_nothing_elsewhere() -> None:
    assert decode(encode(some_metadata(), 100), 101) is None


def test_an_unknown_version_is_not_read() -> None:
    assert decode(signed(b"\x02", 100), 100) is None


def test_a_section_of_a_later_release_is_skipped() -> None:
    start = b"\x01\x01\x05"
    assert Metadata(start=0.005) == decode(signed(b"\x01" + b"\x63\x03abc" + start, 100), 100)


@pytest.mark.parametrize(
    "body",
    [b"", b"\x01\x01", b"\x01\x01\x05\x00", b"\x01\x01\x01\x80", b"\x01\x02\x0f" + bytes(15), b"\x01\x03\x01\x07"],
    ids=["empty", "no length", "cut off", "half a start", "a short topic id", "no map"],
)
def test_nonsense_with_a_right_checksum_is_not_read(body: bytes) -> None:
    assert decode(signed(body, 100), 100) is None


def test_a_text_longer_than_kafka_keeps_is_not_looked_at() -> None:
    longest = signed(b"\x01\x63" + varint(3_064) + bytes(3_064), 100)
    assert LONGEST_TEXT == len(longest)
    assert Metadata() == decode(longest, 100)
    assert decode(signed(b"\x01\x63" + varint(3_065) + bytes(3_065), 100), 100) is None


def test_what_would_be_longer_than_kafka_keeps_is_not_written() -> None:
    holes = Random(1).sample(range(100, 1_000_000), 5_000)
    with pytest.raises(ValueError, match="characters of commit metadata: Kafka takes 4096"):
        encode(Metadata(settled=trimmed(100, 1_000_000, sorted(holes), {})), 100)


def test_the_longest_map_leaves_room_for_all_else() -> None:
    settled = trimmed(100, 100 + 2_746 * 8, range(100, 100 + 2_746 * 8, 2), {})
    failing = tuple(Failing(100 + (number << 40), 1_000_000, 1 << 40) for number in range(100))
    assert len(encode(Metadata(1e12, bytes(16), settled, failing, 1 << 40), 100)) <= LONGEST_TEXT


# --- Events that keep failing


def failing(count: int, distance: int = 60_000) -> tuple[Failing, ...]:
    return tuple(Failing(100 + distance * number, 0, 1_700_000_000 + 3600 * number) for number in range(count))


def test_of_many_failing_events_the_thirty_two_oldest_are_told() -> None:
    said = decode(encode(Metadata(failing=failing(100)), 100), 100)
    assert Metadata(failing=failing(MOST_FAILING)) == said


def test_failures_that_need_more_room_than_there_is_are_left_out_from_the_youngest_on() -> None:
    said = decode(encode(Metadata(failing=failing(32, distance=1 << 50)), 100), 100)
    assert said is not None
    assert failing(32, distance=1 << 50)[: len(said.failing)] == said.failing
    assert 15 < len(said.failing) < MOST_FAILING
