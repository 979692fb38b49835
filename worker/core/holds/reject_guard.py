"""Is everything refused? Then a bad change is at fault, and a whole topic must not become dead letters."""

from __future__ import annotations

from typing import Literal


class RejectGuard:
    """Counts the different users whose events were refused for good, one after another.

    A refusal is the destination's own, or a bug of the mapping. What cannot be mapped is the data's fault and does not
    count. ``limit`` is ``[destinations.<name>] reject_guard``.
    """

    __slots__ = ("_limit", "_refused")

    def __init__(self, limit: int | Literal["off"]) -> None:
        self._limit = limit
        self._refused: set[object] = set()

    def refused(self, user: object) -> bool:
        """One more; is it one too many?"""
        if self._limit == "off":
            return False
        self._refused.add(user)
        return len(self._refused) >= self._limit

    def reset(self) -> None:
        """An event was delivered."""
        if self._refused:
            self._refused.clear()
