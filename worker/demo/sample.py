"""The demo's events: an invented shop's, as Segment's own Python library sends them (tools/make_sample.py)."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from itertools import cycle, islice

from worker.core import lenient_json
from worker.core.decode import DEEPEST

TOPIC = "shop-events"


@dataclass(frozen=True, slots=True)
class Sample:
    """One record to produce, in the shape of a :class:`worker.core.records.Record`. It has no place in Kafka yet."""

    key: bytes | None = field(repr=False)
    value: bytes = field(repr=False)
    topic: str = TOPIC
    partition: int = 0
    offset: int = 0
    timestamp: int = 0
    headers: Sequence[tuple[str, bytes]] = field(default=(), repr=False)


def records(count: int) -> list[Sample]:
    """So many records, the sample again from its beginning where it is shorter."""
    lines = gzip.decompress((files("worker.demo") / "sample.jsonl.gz").read_bytes()).splitlines()
    return [Sample(_key(line), line) for line in islice(cycle(lines), count)]


def _key(line: bytes) -> bytes | None:
    """As a collector would: the person of a message, the source of an envelope, none where neither can be read."""
    try:
        found = lenient_json.read(line, DEEPEST)
    except lenient_json.UnreadableError:
        return None
    if not isinstance(found, dict):
        return None
    whose = found.get("userId") or found.get("anonymousId") or found.get("writeKey")
    return str(whose).encode() if whose else None
