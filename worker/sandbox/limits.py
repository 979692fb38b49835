"""So many calls a minute: for each class of endpoints, told in the vendor's headers, or for all of them."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as validated


@validated(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class Limit:
    """``calls`` in each window of ``per`` seconds.

    ``fixed``: a window begins with the first call after the last one's end. ``sliding``: any window at all.
    """

    calls: Annotated[int, Field(ge=0)] = 100
    per: Annotated[float, Field(gt=0)] = 60.0
    window: Literal["fixed", "sliding"] = "fixed"


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


@dataclass(slots=True)
class Windows:
    """What was used of each limit, by name."""

    _fixed: dict[str, _Window] = field(default_factory=dict)
    _sliding: dict[str, deque[float]] = field(default_factory=dict)

    def take(self, name: str, limit: Limit, now: float) -> Standing:
        """One call of this name. A call over the limit does not prolong anything."""
        if limit.window == "sliding":
            return self._slide(name, limit, now)
        window = self._fixed.get(name)
        if window is None or now >= window.end:
            window = self._fixed[name] = _Window(now + limit.per)
        over = window.used >= limit.calls
        window.used += not over
        return Standing(limit.calls, max(limit.calls - window.used, 0), math.ceil(window.end), over)

    def _slide(self, name: str, limit: Limit, now: float) -> Standing:
        calls = self._sliding.setdefault(name, deque())
        while calls and calls[0] <= now - limit.per:
            calls.popleft()
        over = len(calls) >= limit.calls
        if not over:
            calls.append(now)
        end = (calls[0] if calls else now) + limit.per
        return Standing(limit.calls, limit.calls - len(calls), math.ceil(end), over)

    def reset(self) -> None:
        self._fixed.clear()
        self._sliding.clear()
