"""Which dead letters somebody means."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from worker.core.records import Record
from worker.dead_letters.letter import Letter, key_of
from worker.settings.quantities import duration, start


@dataclass(frozen=True, slots=True)
class Selection:
    """What is not given does not count. ``since`` and ``until`` are Unix seconds, of when the letter was written."""

    reasons: frozenset[str] = frozenset()
    since: float | None = None
    until: float | None = None
    user: str | None = field(default=None, repr=False)
    message_id: str | None = None

    def takes(self, letter: Letter, record: Record) -> bool:
        """Whether it is meant. Who its user is costs a look into its payload: that is asked last."""
        return (
            (not self.reasons or letter.reason in self.reasons)
            and (self.since is None or letter.written >= self.since)
            and (self.until is None or letter.written < self.until)
            and self.message_id in (None, letter.message_id)
            and (self.user is None or key_of(record) == self.user)
        )

    @property
    def takes_all(self) -> bool:
        """Nothing was given."""
        return self == Selection()


def moment(text: str, now: float) -> float:
    """ "4h" (so long ago) or "2026-11-01T00:00:00Z" (UTC where it names no zone) → Unix seconds. Raises ValueError."""
    try:
        return now - duration(text)
    except ValueError:
        pass
    match start(text):
        case "earliest" | "latest":
            raise ValueError(text)
        case seconds:
            return seconds


def instant(seconds: float) -> str:
    """As people read it, UTC to the second."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
