"""Look-ups remembered, so that a known, unchanged user costs no request."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from mappings.contract import Response

LIFETIME: Final = 3600.0  # seconds
ENTRIES: Final = 20_000


class Reading:
    """A request under way whose answer may be remembered, unless a write comes in between."""

    __slots__ = ("keys",)

    def __init__(self, keys: tuple[str, ...]) -> None:
        self.keys = keys


@dataclass(frozen=True, slots=True)
class _Entry:
    response: Response
    until: float
    owner: object


class LookupCache:
    """Answers by key, bounded and mortal. An entry dies with its ``owner``: the assignment that it was learnt under.

    A write forgets its keys when it is *sent* and sets them again by its own 2xx answer alone, and only while no other
    request for the key was sent after it: what was read before a write is never remembered after it.
    """

    __slots__ = ("_entries", "_latest", "entries", "lifetime")

    def __init__(self, entries: int = ENTRIES, lifetime: float = LIFETIME) -> None:
        self.entries = entries
        self.lifetime = lifetime
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._latest: dict[str, Reading] = {}  # by key: the newest request under way

    def get(self, key: str, now: float) -> Response | None:
        """The remembered answer, if it is still good."""
        found = self._entries.get(key)
        if found is None:
            return None
        if now >= found.until:
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        return found.response

    def look_up(self, key: str) -> Reading:
        """A look-up is sent."""
        return self._newest(Reading((key,)))

    def write(self, keys: tuple[str, ...]) -> Reading:
        """A write is sent: its keys are forgotten."""
        self.forget(keys)
        return self._newest(Reading(keys))

    def forget(self, keys: Iterable[str]) -> None:
        """What was known under these keys is old."""
        for key in keys:
            self._entries.pop(key, None)

    def answered(self, reading: Reading, response: Response | None, owner: object, now: float) -> None:
        """The answer to what was sent; ``None`` for anything but a 2xx, which is not remembered."""
        for key in reading.keys:
            if self._latest.get(key) is not reading:
                continue
            del self._latest[key]
            if response is not None:
                self._remember(key, _Entry(response, now + self.lifetime, owner))

    def disown(self, owner: object) -> None:
        """An assignment has ended: another worker may write now."""
        for key in [key for key, entry in self._entries.items() if entry.owner is owner]:
            del self._entries[key]

    def _newest(self, reading: Reading) -> Reading:
        for key in reading.keys:
            self._latest[key] = reading
        return reading

    def _remember(self, key: str, entry: _Entry) -> None:
        self._entries[key] = entry
        self._entries.move_to_end(key)
        if len(self._entries) > self.entries:
            self._entries.popitem(last=False)
