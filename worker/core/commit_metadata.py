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
from typing import Final
from zlib import crc32

from worker.core.offset_map import NOTHING, OffsetMap, pack, unpack
from worker.core.varint import Reader, varint

LONGEST_TEXT: Final = 4_096  # characters: the broker's default limit (offset.metadata.max.bytes)
VERSION: Final = 1
TOPIC_ID_BYTES: Final = 16


class Tag(IntEnum):
    """Never re-used for another meaning."""

    START = 1  # varint: Unix milliseconds
    TOPIC_ID = 2  # 16 bytes
    SETTLED = 3  # worker.core.offset_map


@dataclass(frozen=True, slots=True)
class Metadata:
    """``start``: when this group began, Unix seconds to the millisecond. ``topic_id``: 16 bytes, Kafka's own."""

    start: float | None = None
    topic_id: bytes | None = None
    settled: OffsetMap = NOTHING


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


def _section(tag: Tag, payload: bytes) -> bytes:
    return bytes((tag,)) + varint(len(payload)) + payload


def _metadata(body: Reader, committed: int) -> Metadata:
    found: dict[int, bytes] = {}
    while body:
        (tag,) = body.take(1)
        found[tag] = body.take(body.varint())
    start, topic_id, settled = (found.get(tag) for tag in Tag)
    return Metadata(
        start=None if start is None else Reader(start).varint() / 1000,
        topic_id=None if topic_id is None else Reader(topic_id).take(TOPIC_ID_BYTES),
        settled=NOTHING if settled is None else unpack(settled, committed),
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
