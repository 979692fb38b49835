"""Records of Kafka's topic of commits, as Apache Kafka 4.4 has written them."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.torture.commit_log import commits
from tests.torture.judge import Commit
from worker.core.commit_metadata import Metadata, encode
from worker.core.offset_map import OffsetMap

KEY = b"\x00\x01\x00\x03g.w\x00\x01x\x00\x00\x00\x05"
TIME = 1795414946521
AHEAD = OffsetMap(stop=9, holes=(7,))


@dataclass(frozen=True, slots=True)
class Record:
    key: bytes
    value: bytes | None


def a_value(metadata: str, *, version: int = 4) -> bytes:
    text = metadata.encode()
    length = (len(text) + 1).to_bytes(1, "big") if version >= 4 else len(text).to_bytes(2, "big")
    tags = b"\x01\x00\x102\x1a*\xbaU2C\xd1\xaaP1}\x08\x98F\xb3" if version >= 4 else b""
    return version.to_bytes(2, "big") + (7).to_bytes(8, "big") + b"\xff" * 4 + length + text + TIME.to_bytes(8) + tags


@pytest.mark.parametrize("version", [3, 4])
def test_a_commit_is_read_with_its_time_and_what_it_settles_ahead(version: int) -> None:
    record = Record(KEY, a_value(encode(Metadata(settled=AHEAD), 7), version=version))
    assert [Commit(1795414946.521, 5, 7, AHEAD)] == list(commits([record], "g.w"))


def test_other_groups_tombstones_and_what_is_no_commit_are_passed_over() -> None:
    of_another = Record(KEY, a_value(""))
    group = Record(b"\x00\x02\x00\x03g.w", b"\x00\x03")
    assert [] == list(commits([of_another, Record(KEY, None), group], "g.v"))
    assert [] == list(commits([Record(KEY, None), group], "g.w"))


def test_damaged_metadata_is_told() -> None:
    with pytest.raises(ValueError, match="damaged metadata in partition 5 at 7"):
        list(commits([Record(KEY, a_value("nonsense"))], "g.w"))
