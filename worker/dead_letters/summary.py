"""What is said of many dead letters: counts first, then a line for each of the newest. No payload, and no user."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from worker.core.letter_headers import Header
from worker.core.records import Record
from worker.dead_letters.letter import Letter, Place
from worker.dead_letters.selection import instant

COLUMNS = ("given up (UTC)", "reason", "status", "attempts", "origin", "message id", "")


@dataclass(slots=True)
class Summary:
    """Takes one letter after another, and remembers no more of them than it shows."""

    replayed: frozenset[Place]
    limit: int
    letters: int = 0
    _by_reason: Counter[str] = field(default_factory=Counter)
    _replayed_by_reason: Counter[str] = field(default_factory=Counter)
    _first: dict[str, float] = field(default_factory=dict)
    _last: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    _newest: list[tuple[float, Place, Letter]] = field(default_factory=list)

    def add(self, letter: Letter) -> None:
        reason = letter.reason
        self.letters += 1
        self._by_reason[reason] += 1
        self._replayed_by_reason[reason] += letter.place in self.replayed
        self._first[reason] = min(letter.written, self._first.get(reason, letter.written))
        self._last[reason] = max(letter.written, self._last[reason])
        heapq.heappush(self._newest, (letter.written, letter.place, letter))
        if len(self._newest) > self.limit:
            heapq.heappop(self._newest)

    def counts(self) -> Iterator[str]:
        """A line for each reason, the most frequent first."""
        rows: list[tuple[str, ...]] = [("reason", "letters", "replayed", "first (UTC)", "last (UTC)")]
        for reason, letters in self._by_reason.most_common():
            times = instant(self._first[reason]), instant(self._last[reason])
            rows.append((reason, str(letters), str(self._replayed_by_reason[reason]), *times))
        yield from table(rows)

    def lines(self) -> Iterator[str]:
        """A line for each of the newest, the oldest of them first."""
        if self._newest:
            yield from table([COLUMNS, *(self._row(letter) for _, _, letter in sorted(self._newest))])
        if self.letters > len(self._newest):
            yield f"the newest {len(self._newest)} of {self.letters}; --limit shows more"

    def _row(self, letter: Letter) -> tuple[str, ...]:
        notes = [
            *(["replayed"] if letter.place in self.replayed else []),
            *([] if letter.replay_of is None else ["refused again"]),
            *([] if letter.has_value else ["without its value"]),
        ]
        said = (letter.reason, letter.status, letter.attempts, str(letter.origin), letter.message_id)
        return instant(letter.written), *said, ", ".join(notes)


def table(rows: list[tuple[str, ...]]) -> Iterator[str]:
    """Columns as wide as they must be."""
    shown = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for row in shown:
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def whole(record: Record, letter: Letter) -> Iterator[str]:
    """Everything about one letter, with its payload: asked for by name."""
    yield f"given up {instant(letter.written)} UTC, dead letter {letter.place} (partition/offset)"
    for name, value in record.headers:
        yield printable(f"  {name}: {_text(value)}")
    yield printable(f"  key: {_text(record.key)}")
    if not letter.has_value:
        yield f"  value: it was too large for the topic and stayed behind; {Header.ORIGIN} says where it was"
    elif record.value is None:
        yield "  value: none (a tombstone)"
    else:
        yield "  value:"
        yield from map(printable, _text(record.value).split("\n"))


def _text(value: bytes | None) -> str:
    return "none" if value is None else value.decode("utf-8", "backslashreplace")


def printable(text: str) -> str:
    """Without what a terminal would obey: the payload is anybody's."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char == "\t" else char.encode("unicode_escape").decode() for char in text
    )
