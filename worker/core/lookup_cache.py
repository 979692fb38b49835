"""Look-ups remembered, so that a known, unchanged user costs no request."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from mappings.contract import Response
from worker.core.items import Assignment

LIFETIME: Final = 3600.0  # seconds
ENTRIES: Final = 20_000
BYTES: Final = 32 << 20  # of answers: a vendor that pads each to 256 KiB must not fill the memory


class Reading:
    """A request under way whose answer may be remembered, unless a write comes in between."""

    __slots__ = ("keys", "writes")

    def __init__(self, keys: Iterable[str], *, writes: bool) -> None:
        self.keys = frozenset(keys)
        self.writes = writes


@dataclass(frozen=True, slots=True)
class _Entry:
    response: Response
    until: float
    owner: Assignment
    bytes: int


class LookupCache:
    """Answers by key, bounded and mortal. An entry dies with its ``owner``: the assignment that it was learnt under.

    A write forgets its keys when it is *sent* and sets them again by its own 2xx answer alone. Only the newest request
    for a key is remembered, and none that a write of another had in common any time with: nobody knows which of the
    two the vendor took first.
    """

    __slots__ = ("_entries", "_newest", "_writing", "bytes", "entries", "held", "lifetime")

    def __init__(self, entries: int = ENTRIES, lifetime: float = LIFETIME, bytes: int = BYTES) -> None:  # noqa: A002
        self.entries = entries
        self.bytes = bytes
        self.lifetime = lifetime
        self.held = 0  # bytes
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._newest: dict[str, Reading] = {}  # by key: whose answer may be remembered
        self._writing: Counter[str] = Counter()  # by key: writes under way

    def get(self, key: str, now: float) -> Response | None:
        """The remembered answer, if it is still good."""
        found = self._entries.get(key)
        if found is None:
            return None
        if now >= found.until:
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return found.response

    def look_up(self, key: str) -> Reading:
        """A look-up is sent."""
        reading = Reading((key,), writes=False)
        if key not in self._writing:
            self._newest[key] = reading
        return reading

    def write(self, keys: Iterable[str]) -> Reading:
        """A write is sent: its keys are forgotten."""
        reading = Reading(keys, writes=True)
        self.forget(reading.keys)
        for key in reading.keys:
            if key in self._writing:
                self._newest.pop(key, None)
            else:
                self._newest[key] = reading
            self._writing[key] += 1
        return reading

    def forget(self, keys: Iterable[str]) -> None:
        """What was known under these keys is old."""
        for key in keys:
            if key in self._entries:
                self._drop(key)

    def answered(self, reading: Reading, response: Response | None, owner: Assignment, now: float) -> None:
        """The answer to what was sent; ``None`` for anything but a 2xx, which is not remembered.

        Each ``Reading`` is answered once. What comes back for an assignment that has ended is not remembered either.
        """
        for key in reading.keys:
            if reading.writes:
                self._written(key)
            if self._newest.get(key) is not reading:
                continue
            del self._newest[key]
            if response is not None and not owner.gone:
                self._remember(key, _Entry(response, now + self.lifetime, owner, _size(response)))

    def disown(self, owner: Assignment) -> None:
        """An assignment has ended: another worker may write now."""
        for key in [key for key, entry in self._entries.items() if entry.owner is owner]:
            self._drop(key)

    def _written(self, key: str) -> None:
        self._writing[key] -= 1
        if not self._writing[key]:
            del self._writing[key]

    def _remember(self, key: str, entry: _Entry) -> None:
        self.forget((key,))
        self._entries[key] = entry
        self.held += entry.bytes
        while len(self._entries) > self.entries or self.held > self.bytes:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: str) -> None:
        self.held -= self._entries.pop(key).bytes


def _size(response: Response) -> int:
    return len(response.body or b"") + sum(len(name) + len(value) for name, value in response.headers.items())
