"""One dead letter, as its headers tell it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from mappings.contract import Event
from worker.core.decode import decode
from worker.core.letter_headers import TOO_LARGE, Header, Origin, origin_of
from worker.core.records import Record

NOT_SAID: Final = "-"
UNKNOWN: Final = "unknown"  # the reason of what stands in the topic and is no dead letter of ours


class Place(NamedTuple):
    """Where a record stands in a topic that needs no name."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}/{self.offset}"


@dataclass(frozen=True, slots=True)
class Letter:
    """Everything but the payload and its key. ``written`` is when it was given up, Unix seconds."""

    place: Place
    written: float
    reason: str
    origin: Origin
    status: str
    attempts: str
    message_id: str
    has_value: bool  # what was too large is not here, and cannot be replayed
    replay_of: Place | None  # the earlier letter, where this is what became of its replay


def letter_of(record: Record) -> Letter:
    """Whatever the record's headers are."""
    said: Mapping[str, bytes | None] = dict(record.headers)

    def text(header: Header, otherwise: str = NOT_SAID) -> str:
        value = said.get(header)
        return value.decode("utf-8", "backslashreplace") if value else otherwise

    return Letter(
        place=Place(record.partition, record.offset),
        written=record.timestamp / 1000,
        reason=text(Header.REASON, UNKNOWN),
        origin=origin_of(record),
        status=text(Header.STATUS),
        attempts=text(Header.ATTEMPTS),
        message_id=text(Header.MESSAGE_ID),
        has_value=said.get(Header.VALUE) != TOO_LARGE,
        replay_of=replayed_by(record),
    )


def replayed_by(record: Record) -> Place | None:
    """The dead letter that a replayed record (or the letter that became of it) names."""
    value = dict(record.headers).get(Header.LETTER)
    partition, slash, offset = (value or b"").partition(b"/")
    if not (slash and partition.isdigit() and offset.isdigit()):
        return None
    return Place(int(partition), int(offset))


def key_of(record: Record) -> str:
    """Whose it is: the ordering key of its (first) event, or the record's key where there is none to be read."""
    first = next(iter(decode(record, "")), None)
    if isinstance(first, Event):
        return first.key
    return record.key.decode("utf-8", "backslashreplace") if record.key else ""
