"""Dead letters: what was given up, on its way to its topic. Nothing is settled before the broker has it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from mappings.contract import Rejected
from worker.core.decode import as_json
from worker.core.items import Assignment, Item
from worker.core.letter_headers import ENVELOPE, MEMBER, TOO_LARGE, Header, form_of, not_ours, origin_of
from worker.core.records import Record

AGAIN_AFTER: Final = 1.0  # seconds, doubling
AGAIN_LONGEST: Final = 30.0
# Bytes on their way to the broker, at most, and then one letter more: a member of an envelope is written out with the
# envelope's defaults, and may be thousands of times what it takes here.
UNDER_WAY: Final = 16 << 20


@dataclass(slots=True, eq=False, repr=False)  # no personal data in a repr
class DeadLetter:
    """One event that was given up, and what becomes of it once the broker has it.

    ``item`` is ``None`` where there was no event (malformed): then ``member`` and ``raw`` say which part of the record.
    """

    assignment: Assignment
    record: Record
    member: int
    rejected: Rejected
    detail: str  # masked
    item: Item | None = None
    raw: bytes | None = None  # a malformed member's own JSON; None: the record's bytes as they came
    in_envelope: bool = False  # one of several messages
    status: int | None = None
    attempts: int = 0
    first_failed: float | None = None
    without_value: bool = False
    tries: int = 0
    bytes: int = 0  # its share of the buffer's budget, where there was no event
    written: int = 0  # bytes that are on their way to the broker


@dataclass(frozen=True, slots=True)
class Produce:
    """One record for the dead-letter topic, with an opaque ``letter`` to acknowledge it by."""

    letter: DeadLetter = field(repr=False)
    key: bytes | None = field(repr=False)
    value: bytes | None = field(repr=False)
    headers: tuple[tuple[str, bytes], ...] = field(repr=False)
    ordering_key: bytes | None = field(repr=False)  # its hash chooses the partition; None: any


class Letters:
    """The dead letters that are not acknowledged yet."""

    def __init__(self, version: str) -> None:
        self._version = version.encode()
        self._out: deque[DeadLetter] = deque()
        self._again: list[tuple[float, DeadLetter]] = []
        self.waiting = 0  # written and not acknowledged, or waiting to be written again
        self.events = 0  # that were none, of partitions that are ours: what is no event is in no queue
        self.bytes = 0  # their share of the buffer's budget
        self._under_way = 0  # bytes

    @property
    def refused(self) -> bool:
        """The broker does not take them at the moment: nothing of theirs is settled."""
        return bool(self._again)

    @property
    def next_try(self) -> float | None:
        """When the first one is due again."""
        return min((when for when, _ in self._again), default=None)

    def write(self, letter: DeadLetter) -> None:
        """A new one."""
        self.waiting += 1
        letter.assignment.dead_lettering += 1
        if letter.item is None:
            letter.assignment.malformed.add(letter)
            self.events += 1
            self.bytes += letter.bytes
        self._out.append(letter)

    def due(self, now: float) -> Iterator[Produce]:
        """What is to be produced now."""
        if self._again:
            self._out.extend(letter for when, letter in self._again if when <= now)
            self._again = [entry for entry in self._again if entry[0] > now]
        while self._out and self._under_way < UNDER_WAY:
            produce = self._produce(letter := self._out.popleft())
            letter.written = len(produce.value or b"")
            self._under_way += letter.written
            yield produce

    def acknowledged(self, letter: DeadLetter) -> None:
        """The broker has it."""
        self.waiting -= 1
        self._under_way -= letter.written
        letter.assignment.dead_lettering -= 1
        if letter in letter.assignment.malformed:
            letter.assignment.malformed.remove(letter)
            if not letter.assignment.gone:  # else it is given back
                self._give_back(letter)

    def failed(self, letter: DeadLetter, now: float, *, too_large: bool) -> None:
        """The broker does not have it: again later, and without its value where that is too large."""
        self._under_way -= letter.written
        if letter.assignment.gone:
            self.waiting -= 1
            return
        at_once = too_large and not letter.without_value
        letter.without_value |= too_large
        letter.tries += not at_once
        wait = 0.0 if at_once else min(AGAIN_AFTER * 2.0 ** (letter.tries - 1), AGAIN_LONGEST)
        self._again.append((now + wait, letter))

    def drop(self, assignment: Assignment) -> None:
        """A partition is gone: what was not acknowledged is somebody else's to find again."""
        kept = [letter for letter in self._out if letter.assignment is not assignment]
        again = [entry for entry in self._again if entry[1].assignment is not assignment]
        self.waiting -= len(self._out) - len(kept) + len(self._again) - len(again)
        self._out, self._again = deque(kept), again
        for letter in assignment.malformed:
            self._give_back(letter)

    def _give_back(self, letter: DeadLetter) -> None:
        self.events -= 1
        self.bytes -= letter.bytes

    def _produce(self, letter: DeadLetter) -> Produce:
        record = letter.record
        value = _value(letter)
        headers = [*not_ours(record.headers), *_said(letter, self._version)]
        if letter.without_value:
            value = None
            headers.append((Header.VALUE, TOO_LARGE))
        elif (form := _form(letter, value)) is not None:
            headers.append((Header.FORM, form))
        return Produce(letter, record.key, value, tuple(headers), _ordering_key(letter))


def _form(letter: DeadLetter, value: bytes | None) -> bytes | None:
    if value is not letter.record.value:
        return MEMBER
    return ENVELOPE if letter.in_envelope else form_of(letter.record)


def _value(letter: DeadLetter) -> bytes | None:
    if letter.item is not None and not letter.item.alone:
        return as_json(letter.item.event)
    return letter.record.value if letter.raw is None else letter.raw


def _ordering_key(letter: DeadLetter) -> bytes | None:
    return letter.record.key if letter.item is None else letter.item.event.key.encode("utf-8", "replace")


def _said(letter: DeadLetter, version: bytes) -> Iterator[tuple[str, bytes]]:
    event = letter.item.event if letter.item is not None else None
    origin = origin_of(letter.record).after(letter.member)
    yield Header.REASON, letter.rejected.reason.encode()
    if letter.detail:
        yield Header.DETAIL, letter.detail.encode("utf-8", "replace")
    if letter.status is not None:
        yield Header.STATUS, str(letter.status).encode()
    yield Header.ATTEMPTS, str(letter.attempts).encode()
    if letter.first_failed is not None:
        yield Header.FIRST_FAILED, str(round(letter.first_failed * 1000)).encode()
    yield Header.ORIGIN, str(origin).encode()
    yield Header.TIMESTAMP, str(origin.timestamp).encode()
    if event is not None:
        yield Header.MESSAGE_ID, event.id.encode("utf-8", "replace")
    yield Header.VERSION, version
    for name, value in letter.record.headers:
        if name == Header.LETTER:
            yield Header.LETTER, value
