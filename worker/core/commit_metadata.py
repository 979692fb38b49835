"""What travels as text with each commit, beside the offset.

::

    version (1 byte) · sections · CRC-32 (4 bytes, big-endian)      as base64url without padding
    section: tag (1 byte) · length of the payload (varint) · payload

A section with an unknown tag is skipped: a later program of this version may have more to say. The checksum covers the
committed offset as well: a tool that moves a commit and keeps its text (a mirror to another cluster does) must not make
a map of other offsets out of it.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from itertools import islice
from typing import Final
from zlib import crc32

from worker.core.offset_map import NOTHING, OffsetMap, pack, unpack
from worker.core.varint import Reader, varint

LONGEST_TEXT: Final = 4_096  # characters: the broker's default limit (offset.metadata.max.bytes)
VERSION: Final = 1
TOPIC_ID_BYTES: Final = 16
MOST_FAILING: Final = 32
FAILING_BYTES: Final = 256  # what the map and the other sections leave


class Tag(IntEnum):
    """Never re-used for another meaning."""

    START = 1  # varint: Unix milliseconds
    TOPIC_ID = 2  # 16 bytes
    SETTLED = 3  # worker.core.offset_map
    FAILING = 4  # varints: the oldest first failure, then for each a distance, a member, seconds since the one before
    AT_RISK = 5  # varint: events


@dataclass(frozen=True, slots=True)
class Failing:
    """An event that keeps failing, and when its user failed first: Unix seconds, whole ones. So its time of grace does
    not begin anew with each restart."""

    offset: int
    member: int
    first: int


@dataclass(frozen=True, slots=True)
class Metadata:
    """``start``: when this group began, Unix seconds to the millisecond. ``topic_id``: 16 bytes, Kafka's own.

    ``failing``: the longest failing events, the oldest failure first, at most 32. ``at_risk``: how many events may be
    sent again if this is the last commit of its writer; 0 where it let go in order.
    """

    start: float | None = None
    topic_id: bytes | None = None
    settled: OffsetMap = NOTHING
    failing: tuple[Failing, ...] = ()
    at_risk: int = 0


def encode(metadata: Metadata, committed: int) -> str:
    """At most 4,096 characters. Raises ``ValueError`` for more, which the ledger's admission prevents."""
    body = bytes((VERSION,)) + b"".join(_sections(metadata, committed))
    text = _text(body + _checksum(body, committed))
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"{len(text)} characters of commit metadata: Kafka takes {LONGEST_TEXT}")
    return text


def decode(text: str, committed: int) -> Metadata | None:
    """What :func:`encode` was given. ``None``: damaged, not ours, of an unknown version, or of another offset.

    Nothing written (a fresh commit by a tool) is no damage: it decodes to ``Metadata()``.
    """
    if not text:
        return Metadata()
    try:
        return _metadata(_checked(text, committed), committed)
    except ValueError:
        return None


def _sections(metadata: Metadata, committed: int) -> Iterator[bytes]:
    if metadata.start is not None:
        yield _section(Tag.START, varint(round(metadata.start * 1000)))
    if metadata.topic_id is not None:
        yield _section(Tag.TOPIC_ID, metadata.topic_id)
    if metadata.settled != NOTHING:
        yield _section(Tag.SETTLED, pack(metadata.settled, committed))
    if metadata.failing:
        yield _section(Tag.FAILING, _failures(metadata.failing, committed))
    if metadata.at_risk:
        yield _section(Tag.AT_RISK, varint(metadata.at_risk))


def _failures(failing: tuple[Failing, ...], committed: int) -> bytes:
    """As many as have room. Only the rest of a text that is full says less: their time of grace begins anew."""
    before = failing[0].first
    text = varint(before)
    for each in islice(failing, MOST_FAILING):
        more = varint(each.offset - committed) + varint(each.member) + varint(each.first - before)
        if len(text) + len(more) > FAILING_BYTES:
            break
        text, before = text + more, each.first
    return text


def _read_failures(body: Reader, committed: int) -> Iterator[Failing]:
    first = body.varint()
    while body:
        offset, member = committed + body.varint(), body.varint()
        first += body.varint()
        yield Failing(offset, member, first)


def _section(tag: Tag, payload: bytes) -> bytes:
    return bytes((tag,)) + varint(len(payload)) + payload


def _metadata(body: Reader, committed: int) -> Metadata:
    found: dict[int, bytes] = {}
    while body:
        (tag,) = body.take(1)
        found[tag] = body.take(body.varint())
    start, topic_id, settled, failing, at_risk = (found.get(tag) for tag in Tag)
    return Metadata(
        start=None if start is None else Reader(start).varint() / 1000,
        topic_id=None if topic_id is None else Reader(topic_id).take(TOPIC_ID_BYTES),
        settled=NOTHING if settled is None else unpack(settled, committed),
        failing=() if failing is None else tuple(_read_failures(Reader(failing), committed)),
        at_risk=0 if at_risk is None else Reader(at_risk).varint(),
    )


def _checked(text: str, committed: int) -> Reader:
    """The sections of an undamaged text. Raises ``ValueError``."""
    if len(text) > LONGEST_TEXT:
        raise ValueError("longer than Kafka's limit")
    octets = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    # The library passes over foreign characters and spare bits: only the one right spelling is ours.
    if _text(octets) != text or octets[-4:] != _checksum(octets[:-4], committed):
        raise ValueError("damaged")
    body = Reader(octets[:-4])
    if body.take(1) != bytes((VERSION,)):
        raise ValueError("of an unknown version")
    return body


def _text(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def _checksum(body: bytes, committed: int) -> bytes:
    return crc32(body, crc32(varint(committed))).to_bytes(4, "big")
