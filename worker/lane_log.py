"""One destination's lines: each says which event it is about, and there are at most ten a second about events."""

from __future__ import annotations

from typing import Any, Final

from mappings.contract import Event
from worker.adapters.connection import Log
from worker.core.effects import Note
from worker.core.records import Record

A_SECOND: Final = 10


class LaneLog:
    """``now`` is in seconds, of any clock that only goes forward."""

    def __init__(self, log: Log, destination: str) -> None:
        self._log = log
        self._destination = destination
        self._second = float("-inf")
        self._told = 0
        self._left_out = 0

    def tell(self, note: Note, now: float) -> None:
        """Write it; a line about an event only while there is room for it, else it is counted."""
        self.flush(now)
        if note.record is not None:
            if self._told >= A_SECOND:
                self._left_out += 1
                return
            self._told += 1
        self._write(note)

    def flush(self, now: float) -> None:
        """Begin a new second, and say how many lines the last one left out."""
        if now - self._second < 1:
            return
        left_out, self._second, self._told, self._left_out = self._left_out, now, 0, 0
        if left_out:
            self._log.warning("lines about events left out", destination=self._destination, lines=left_out)

    def _write(self, note: Note) -> None:
        fields: dict[str, Any] = {"destination": self._destination, **where(note.record, note.event), **note.fields}
        if note.error is not None:
            fields["exc_info"] = note.error
        match note.level:
            case "info":
                self._log.info(note.what, **fields)
            case "warning":
                self._log.warning(note.what, **fields)
            case "error":
                self._log.error(note.what, **fields)


def where(record: Record | None, event: Event | None) -> dict[str, Any]:
    """Which event a line is about."""
    place = {} if record is None else {"topic": record.topic, "partition": record.partition, "offset": record.offset}
    return place if event is None else {"message_id": event.id, **place}
