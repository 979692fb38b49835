"""What the adapters are given in tests: a log that remembers."""

from __future__ import annotations

from typing import Any


class Heard:
    """A log whose lines are kept: (event, fields)."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def info(self, event: str, **fields: Any) -> None:
        self.lines.append((event, fields))

    warning = info
    error = info

    @property
    def events(self) -> list[str]:
        return [event for event, _ in self.lines]
