"""The offset map: what is settled above the committed offset, as a value and as bytes.

The bytes are a *listing* of the holes, and the members of the partly settled envelopes::

    form (1 byte) · length of the listing (varint) · listing · for each partly settled envelope, in order:
        how many holes after the previous one's (varint) · bytes of the bitmap (varint) · bitmap of its members

The listing is the smaller of a bitmap (a bit for each offset from the committed one, set: settled) and of *runs*:
varints, each a number of settled offsets; between two of them is a hole.

**How large it can get.** With ``span`` offsets between the committed one and the map's end, and ``holes`` of them
unsettled, the bitmap has ⌈span / 8⌉ bytes. There are ``holes + 1`` runs, and their sum is at most ``span``; each takes
a byte, and one more for each j ≥ 1 for which it is 2^7j or longer, which at most ``span >> 7j`` of them can be. So
:func:`listing_bytes` is an upper bound, known in constant time, and it shrinks with ``span`` and with ``holes``: to
settle can only make it smaller.

An envelope takes its bitmap and at most 4 bytes more: 2 for the bitmap's length (at most 2,750), 2 for the distance
between two holes. A distance of 16,384 holes needs a third byte; as fewer than 22,000 holes fit a listing, one at most
is so long. ``FRAME`` has that byte, the form and the listing's length.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from worker.core.varint import Reader, varint

MAP_BYTES: Final = 2_750  # of the 3,072 that 4,096 characters of base64 hold
FRAME: Final = 4
ZERO: Final = ord("0")


@dataclass(frozen=True, slots=True)
class OffsetMap:
    """What is settled above the committed offset: everything below ``stop`` but the ``holes``, which ascend.

    ``partly`` has those holes that are envelopes with some members settled: a bit for each member, the lowest first,
    set where it is settled, in as many bytes as all its members need.

    An offset at which there is no record (compaction, transaction markers) counts as settled: it never comes again.
    """

    stop: int = 0
    holes: tuple[int, ...] = ()
    partly: Mapping[int, bytes] = field(default_factory=dict, hash=False)

    def settles(self, offset: int) -> bool:
        """Whether the whole record at ``offset`` is settled."""
        if offset >= self.stop:
            return False
        at = bisect_left(self.holes, offset)
        return at == len(self.holes) or self.holes[at] != offset

    def members(self, offset: int) -> int:
        """The settled members of a partly settled envelope, as the bits of a number."""
        return int.from_bytes(self.partly.get(offset, b""), "little")

    def unsettled_between(self, start: int, stop: int) -> int:
        """How many offsets of ``range(start, stop)`` are not wholly settled: what retention took, if it took those."""
        holes = bisect_left(self.holes, stop) - bisect_left(self.holes, start)
        return holes + max(0, stop - max(start, self.stop))


NOTHING: Final = OffsetMap()


def trimmed(committed: int, stop: int, holes: Sequence[int], partly: Mapping[int, bytes]) -> OffsetMap:
    """The map of these without the holes at its end, of which it has nothing to say."""
    kept = len(holes)
    while kept and holes[kept - 1] == stop - 1 and holes[kept - 1] not in partly:
        kept -= 1
        stop -= 1
    return OffsetMap(stop, tuple(holes[:kept]), partly) if stop > committed else NOTHING


def listing_bytes(span: int, holes: int) -> int:
    """No listing of so many holes in so many offsets is longer. The proof is above."""
    bitmap = (span + 7) >> 3
    runs = longest = holes + 1
    while span := span >> 7:
        runs += min(span, longest)
    return min(bitmap, runs)


def members_bytes(members: int) -> int:
    """No entry of an envelope of so many members is longer."""
    return 4 + ((members + 7) >> 3)


class Form(IntEnum):
    """How the holes are listed."""

    BITMAP = 0
    RUNS = 1


def pack(settled: OffsetMap, committed: int) -> bytes:
    """The bytes of a map that has something above ``committed``. Raises ``ValueError`` for a map of another offset."""
    if settled.stop <= committed or (settled.holes and settled.holes[0] < committed):
        raise ValueError(f"a map that ends at {settled.stop} does not go with offset {committed}")
    form, listing = _listing(settled, committed)
    return b"".join((bytes((form,)), varint(len(listing)), listing, _members(settled)))


def unpack(packed: bytes, committed: int) -> OffsetMap:
    """The reverse, in time and memory in proportion to the bytes. Raises ``ValueError`` for what is no map."""
    reader = Reader(packed)
    form = Form(*reader.take(1))
    listing = reader.take(reader.varint())
    stop, holes = _from_bitmap(listing, committed) if form is Form.BITMAP else _from_runs(listing, committed)
    return trimmed(committed, stop, holes, _from_members(reader, holes))


def _listing(settled: OffsetMap, committed: int) -> tuple[Form, bytes]:
    bitmap = (settled.stop - committed + 7) >> 3
    if bitmap > len(settled.holes):  # else runs, of a byte or more each, are longer anyway
        runs = _runs(settled, committed)
        if len(runs) <= bitmap:
            return Form.RUNS, runs
    return Form.BITMAP, _bitmap(settled, committed)


def _runs(settled: OffsetMap, committed: int) -> bytes:
    octets = bytearray()
    at = committed
    for end in (*settled.holes, settled.stop):
        run = end - at
        if 0 <= run < 0x80:
            octets.append(run)
        else:
            octets += varint(run)
        at = end + 1
    return bytes(octets)


def _from_runs(listing: bytes, committed: int) -> tuple[int, list[int]]:
    reader = Reader(listing)
    holes: list[int] = []
    stop = committed + reader.varint()
    while reader:
        holes.append(stop)
        stop += 1 + reader.varint()
    return stop, holes


def _bitmap(settled: OffsetMap, committed: int) -> bytes:
    span = settled.stop - committed
    digits = bytearray(b"1" * span)
    for hole in settled.holes:
        digits[hole - committed] = ZERO
    return int(digits[::-1], 2).to_bytes((span + 7) >> 3, "little")  # several times faster than bit by bit


def _from_bitmap(listing: bytes, committed: int) -> tuple[int, list[int]]:
    stop = committed + 8 * len(listing)
    return stop, [
        at for at in range(committed, stop) if not listing[(at - committed) >> 3] >> ((at - committed) & 7) & 1
    ]


def _members(settled: OffsetMap) -> bytes:
    octets = bytearray()
    previous = 0
    for hole, bitmap in sorted(settled.partly.items()):
        at = bisect_left(settled.holes, hole)
        octets += varint(at - previous) + varint(len(bitmap)) + bitmap
        previous = at
    return bytes(octets)


def _from_members(reader: Reader, holes: Sequence[int]) -> dict[int, bytes]:
    partly: dict[int, bytes] = {}
    at = 0
    while reader:
        at += reader.varint()
        if at >= len(holes):
            raise ValueError("members of what is not a hole")
        partly[holes[at]] = reader.take(reader.varint())
    return partly
