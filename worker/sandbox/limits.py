"""So many calls a minute for each class of endpoints, told in the vendor's headers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """``calls`` in each window of ``per`` seconds."""

    calls: int = 100
    per: float = 60.0


@dataclass(frozen=True, slots=True)
class Standing:
    """How one class stands after a call. ``reset`` is in Unix seconds, never before the window's end."""

    limit: int
    remaining: int
    reset: int
    over: bool

    @property
    def headers(self) -> Mapping[str, str]:
        return {
            "X-Rate-Limit-Limit": str(self.limit),
            "X-Rate-Limit-Remaining": str(self.remaining),
            "X-Rate-Limit-Reset": str(self.reset),
        }


@dataclass(slots=True)
class _Window:
    end: float
    used: int = 0


class Windows:
    """Fixed windows: one begins with the first call after the last one's end."""

    def __init__(self) -> None:
        self._windows: dict[str, _Window] = {}

    def take(self, name: str, limit: Limit, now: float) -> Standing:
        """One call of this class. A call over the limit does not prolong anything."""
        window = self._windows.get(name)
        if window is None or now >= window.end:
            window = self._windows[name] = _Window(now + limit.per)
        over = window.used >= limit.calls
        window.used += not over
        return Standing(limit.calls, max(limit.calls - window.used, 0), math.ceil(window.end), over)

    def reset(self) -> None:
        self._windows.clear()
