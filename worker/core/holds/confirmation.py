"""One refusal says nothing yet: the second, independent one turns one event's trouble into a hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Kind: TypeAlias = Literal["limited", "set-up"]


@dataclass(frozen=True, slots=True)
class _First:
    user: Any
    heard: float


class Confirmation:
    """The first refusals that are waiting for a second one, by kind and operation.

    A refusal confirms when it is of the same kind and operation, of another user (where there is another), was *sent*
    after the first was heard, and no 2xx of that operation sent after it was heard between them. So a gateway that
    refuses 400 open requests within two seconds has said one thing, not 400.
    """

    __slots__ = ("_first",)

    def __init__(self) -> None:
        self._first: dict[tuple[Kind, str], _First] = {}

    def refused(self, kind: Kind, operation: str, user: object, *, sent: float, now: float, alone: bool) -> bool:
        """Is it confirmed? ``alone``: no other user is waiting here, so the same one may confirm."""
        first = self._first.get((kind, operation))
        if first is None:
            self._first[kind, operation] = _First(user, now)
            return False
        return sent > first.heard and (alone or user is not first.user)

    def accepted(self, operation: str, sent: float) -> None:
        """A 2xx of ``operation``; a cached answer is none."""
        if self._first:
            for kind in ("limited", "set-up"):
                self._forget(kind, operation, sent)

    def _forget(self, kind: Kind, operation: str, sent: float) -> None:
        first = self._first.get((kind, operation))
        if first is not None and sent > first.heard:
            del self._first[kind, operation]

    def clear(self) -> None:
        """The lane holds: what led to it has been said."""
        self._first.clear()
