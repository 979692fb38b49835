"""What a dead letter's headers say of it, and what of that stays with the event when it is replayed.

A replayed record carries its letter's headers. So the event is the one that it was: who has no id or time of its own
gets them from its first place in Kafka, whatever topics it has travelled through since.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Final, NamedTuple

from worker.core.records import Record

PLACE: Final = re.compile(rb"([A-Za-z0-9._-]{1,249})/(\d{1,9})/(\d{1,18})/(\d{1,9})")
TIMESTAMP: Final = re.compile(rb"-?\d{1,15}")


class Header(StrEnum):
    """The names are this worker's: a record that comes with one of them does not keep it beside ours."""

    REASON = "relay-reason"
    DETAIL = "relay-detail"  # masked
    STATUS = "relay-status"  # of the last answer
    ATTEMPTS = "relay-attempts"
    FIRST_FAILED = "relay-first-failed"  # Unix milliseconds
    ORIGIN = "relay-origin"  # topic/partition/offset/member of the event's first place
    TIMESTAMP = "relay-timestamp"  # Kafka's there, Unix milliseconds
    MESSAGE_ID = "relay-message-id"
    VERSION = "relay-version"  # of the worker
    FORM = "relay-form"
    VALUE = "relay-value"
    LETTER = "relay-letter"  # partition/offset of the dead letter that was replayed


OURS: Final = frozenset(header.value for header in Header)

# Of an envelope, where the header FORM says so; else the value is the record's own.
MEMBER: Final = b"member"  # one message, with the envelope's defaults
ENVELOPE: Final = b"envelope"  # all of it, though the letter is about the one message that ORIGIN names
TOO_LARGE: Final = b"too-large"  # VALUE: it had to stay behind


class Origin(NamedTuple):
    """An event's first place in Kafka, and its record's time there (Unix milliseconds)."""

    topic: str
    partition: int
    offset: int
    member: int
    timestamp: int

    def after(self, members: int) -> Origin:
        """So many members later in the same record."""
        return self._replace(member=self.member + members) if members else self

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}/{self.member}"


def origin_of(record: Record) -> Origin:
    """Of a record's first member: its own place, unless a dead letter's headers name an earlier one."""
    place = PLACE.fullmatch(_last(record, Header.ORIGIN) or b"") if record.headers else None
    if place is None:
        return Origin(record.topic, record.partition, record.offset, 0, record.timestamp)
    topic, partition, offset, member = place.groups()
    stamp = TIMESTAMP.fullmatch(_last(record, Header.TIMESTAMP) or b"")
    timestamp = record.timestamp if stamp is None else int(stamp[0])
    return Origin(topic.decode(), int(partition), int(offset), int(member), timestamp)


def form_of(record: Record) -> bytes | None:
    """:data:`MEMBER` or :data:`ENVELOPE`, of a dead letter or its replay; ``None`` where its value is the record's."""
    form = _last(record, Header.FORM)
    return form if form in (MEMBER, ENVELOPE) else None


def not_ours(headers: Iterable[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """What the producer of a record wrote, in its order."""
    return [header for header in headers if header[0] not in OURS]


def _last(record: Record, name: Header) -> bytes | None:
    return next((value for found, value in reversed(record.headers) if found == name), None)
