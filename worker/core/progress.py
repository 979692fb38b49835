"""Who has stood still for too long without a reason: the decision behind the watchdog.

Time is what this process has lived, by its own looks: a process that was stopped, or a laptop that slept, has done
nothing wrong meanwhile.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from worker.core.tally import Status

K = TypeVar("K", bound=Hashable)

PATIENCE: Final = 60.0  # seconds without progress and without a name for the wait

# A full buffer is no reason to stand still by itself: room is made by what is under way, or sleeps. When there is
# nothing of that, nobody will ever make any.
FULL: Final = frozenset({"buffer events", "buffer bytes", "offset map", "failing users", "concurrency"})


@dataclass(frozen=True, slots=True)
class Sight:
    """One look at something that is to go on.

    ``done`` is another value whenever it has gone on. ``waits_for`` names a wait that is in order; empty: none.
    ``longest`` is how many seconds one step of it may take.
    """

    done: Hashable
    waits_for: str = ""
    longest: float = 0.0


@dataclass(frozen=True, slots=True)
class _Watched:
    done: Hashable
    since: float


class Progress(Generic[K]):
    """Looks come about every ``interval`` seconds; ``now`` is of a clock that never goes back.

    ``patience``: seconds without progress and without a name, beyond the longest step.
    """

    def __init__(self, interval: float, patience: float) -> None:
        self._patience = patience
        self._most = 2 * interval  # that one look may add: a late one is no proof of life in between
        self._looked: float | None = None
        self._lived = 0.0
        self._watched: dict[K, _Watched] = {}

    def look(self, sights: Mapping[K, Sight], now: float) -> dict[K, float]:
        """What stands still beyond its patience, and for how many seconds already. What is not seen is forgotten."""
        if self._looked is not None:
            self._lived += min(now - self._looked, self._most)
        self._looked = now
        self._watched = {name: self._seen(name, sight) for name, sight in sights.items()}
        still = {name: self._lived - self._watched[name].since for name in sights}
        return {name: seconds for name, seconds in still.items() if seconds >= self._patience + sights[name].longest}

    def _seen(self, name: K, sight: Sight) -> _Watched:
        known = self._watched.get(name)
        if known is not None and known.done == sight.done and not sight.waits_for:
            return known
        return _Watched(sight.done, self._lived)


def waits_for(status: Status, now: float) -> str:
    """Why a lane that has nothing under way may stand still; empty: for no reason."""
    pending = status.pending
    names = status.limited_by - FULL
    if names == {"held"} and _probe_is_overdue(status, now):
        return ""
    if names:
        return ", ".join(sorted(names))
    only_sleep = "sleeping" in pending and pending.keys() <= {"sleeping", "behind its user"}
    return "users who failed" if only_sleep else ""


def _probe_is_overdue(status: Status, now: float) -> bool:
    """Somebody could be asked, and nobody is. (``until`` is ``None`` while a probe is under way.)"""
    somebody = not status.pending.keys().isdisjoint({"ready", "open", "sleeping"})
    return somebody and (status.until is None or now - status.until > PATIENCE)
