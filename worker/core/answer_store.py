"""Vendors' answers, packed: what the look-ups of a hundred thousand users said, in some twenty megabytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from struct import Struct
from typing import Final

from mappings.contract import Response
from worker.core.packing import Packer
from worker.core.places import BYTES_A_SLOT, NOWHERE, Places

BYTES: Final = 32 << 20
SHARE: Final = 64  # bytes of the whole for each slot of the table

HEAD: Final = Struct("<dIIIh")  # when it was learnt, the record's length, its owner, how many keys, the status
NUMBER: Final = Struct("<Q")  # of a key
LENGTH: Final = Struct("<I")  # of a key's text
ALL: Final = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Remembered:
    """An answer's status and body, the number of who had learnt it, and when (Unix seconds)."""

    status: int
    body: bytes | None = field(repr=False)
    owner: int
    since: float


class AnswerStore:
    """A ring of records: a new answer takes the place of the oldest ones, so it never needs more than ``bytes``, and
    none before the first answer.

    That one is the dictionary that all are packed with, since a vendor writes the same names around everyone's values.
    ``number`` spreads keys over 64 bits; a record holds its keys as well, so no key ever gets another one's answer.
    """

    __slots__ = ("_end", "_head", "_number", "_packer", "_places", "_ring", "_room", "_tail", "bytes", "records")

    def __init__(self, bytes: int = BYTES, number: Callable[[str], int] = hash) -> None:  # noqa: A002
        self.bytes = bytes
        self.records = 0  # in the ring, with those that nobody can find any more
        self._number = number
        self._packer: Packer | None = None
        self._places = Places(2)
        self._ring = bytearray()  # it grows with what it holds
        self._room = 0  # bytes that it may have
        self._head = self._tail = 0  # where the next record goes; where the oldest one is
        self._end = NOWHERE  # where the last lap's records end, while there are any

    def get(self, key: str) -> Remembered | None:
        """What is known under this key."""
        place = self._places.get(self._number(key) & ALL)
        if place == NOWHERE or self._packer is None:
            return None
        since, size, owner, keys, status = HEAD.unpack_from(self._ring, place)
        packed = bytes(self._ring[place + HEAD.size + NUMBER.size * keys : place + size])
        names, body = _apart(self._packer.unpack(packed), keys)
        if _written(key) not in names:
            return None
        return Remembered(abs(status), body if status > 0 else None, owner, since)

    def put(self, keys: Sequence[str], answer: Response, owner: int, since: float) -> None:
        """From now on the answer for each of these keys; for none, where it is larger than everything."""
        said = b"".join(_with_length(_written(key)) for key in keys) + (answer.body or b"")
        if self._packer is None:
            self._begin(said)
        assert self._packer is not None  # noqa: S101
        numbers = [self._number(key) & ALL for key in keys]
        tail = b"".join(map(NUMBER.pack, numbers)) + self._packer.pack(said)
        size = HEAD.size + len(tail)
        for number in numbers:
            self._places.drop(number)
        if size > self._room or len(keys) > self._places.most:
            return
        place = self._make_room(size, len(keys))
        status = -answer.status if answer.body is None else answer.status
        self._ring[place : place + size] = HEAD.pack(since, size, owner, len(keys), status) + tail
        for number in numbers:
            self._places.set(number, place)

    def drop(self, key: str) -> None:
        """Nothing is known under this key. Its record stays until the ring comes round."""
        self._places.drop(self._number(key) & ALL)

    def _begin(self, said: bytes) -> None:
        slots = 1 << max(self.bytes // SHARE, 2).bit_length() - 1
        self._packer = Packer(said)
        self._places = Places(slots)
        self._room = self.bytes - BYTES_A_SLOT * slots

    # --- the ring: records from _tail to _head, or from _tail to _end and from 0 to _head

    def _make_room(self, size: int, keys: int) -> int:
        """Where a record of ``size`` bytes goes; as many of the oldest ones go as are in its way."""
        while self._places.taken + keys > self._places.most:
            self._forget_oldest()
        if self._head + size > self._room:
            while self.records and self._tail >= self._head:
                self._forget_oldest()
            self._end, self._head = self._head, 0
        while self.records and self._head <= self._tail < self._head + size:
            self._forget_oldest()
        place = self._head
        self._head += size
        self.records += 1
        return place

    def _forget_oldest(self) -> None:
        place = self._tail
        _, size, _, keys, _ = HEAD.unpack_from(self._ring, place)
        for at in range(place + HEAD.size, place + HEAD.size + NUMBER.size * keys, NUMBER.size):
            number = NUMBER.unpack_from(self._ring, at)[0]
            if self._places.get(number) == place:
                self._places.drop(number)
        self.records -= 1
        self._tail += size
        if self._tail == self._end:
            self._tail, self._end = 0, NOWHERE
        if not self.records:
            self._head, self._tail, self._end = 0, 0, NOWHERE


def _written(key: str) -> bytes:
    return key.encode("utf-8", "surrogatepass")  # any text that JSON can say


def _with_length(name: bytes) -> bytes:
    return LENGTH.pack(len(name)) + name


def _apart(said: bytes, keys: int) -> tuple[list[bytes], bytes]:
    """The keys of a record, and the body after them."""
    names, at = [], 0
    for _ in range(keys):
        begin = at + LENGTH.size
        at = begin + LENGTH.unpack_from(said, at)[0]
        names.append(said[begin:at])
    return names, said[at:]
