"""What an event takes of the buffer's budget."""

from __future__ import annotations

from typing import Final, NamedTuple

from worker.core.records import Record

# A decoded event takes so many times its bytes, and so much for each object and array in it: an empty one is two bytes.
# (Measured on CPython 3.11: 0.4 to 1.3 times that; long texts and lists of numbers take less.)
DECODED: Final = 8
BRACKET: Final = 128
# One that is not decoded takes its bytes, and this: kafka-python's record, where it stands in its queue, and its user.
AROUND: Final = 900


class Weight(NamedTuple):
    """What one event takes of the buffer's budget, about, in bytes: as it came, and decoded."""

    kept: int
    decoded: int


def brackets_in(value: bytes | None) -> int:
    """Objects and arrays of a JSON text, about: those that are told of in its strings count as well."""
    return value.count(b"{") + value.count(b"[") if value else 0


def weight_of(record: Record, members: int, brackets: int) -> Weight:
    """Each member's share. Key and headers stay as they are, decoded or not. ``brackets``: :func:`brackets_in` it."""
    value = record.value or b""
    beside = len(record.key or b"")
    if record.headers:
        beside += sum(len(name) + len(content or b"") for name, content in record.headers)
    decoded = DECODED * len(value) + BRACKET * brackets
    return Weight((len(value) + beside) // members + AROUND, (decoded + beside) // members)
