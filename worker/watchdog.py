"""Never alive but stuck: a thread of its own looks whether everything goes on, whatever the event loop does.

What stands still without a name for its wait is told with every stack, and ``/healthz`` fails, so that Kubernetes
starts the worker anew. What has a bound (a drain, a stop) and does not keep it ends the process at once.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread
from typing import Final

from worker import stacks
from worker.adapters.connection import Log
from worker.commands.exits import Exit
from worker.core.progress import PATIENCE, Progress, Sight

INTERVAL: Final = 1.0
SAYING: Final = 2.0  # seconds, at most
LOOP: Final = "the event loop"


@dataclass(frozen=True, slots=True, eq=False)
class Bound:
    """What must have ended some seconds after it was first seen."""

    what: str
    seconds: float
    ended: Callable[[], bool]


class Watchdog:
    """``sights`` is called on the loop: one look at each lane. ``end`` ends the process with an exit code."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sights: Callable[[], Mapping[str, Sight]],
        log: Log,
        *,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
        end: Callable[[int], object] = os._exit,
    ) -> None:
        self._loop = loop
        self._sights = sights
        self._log = log
        self._clock = clock
        self._end = end
        self._progress: Progress[str] = Progress(INTERVAL, patience)
        self._countdowns: Progress[Bound] = Progress(INTERVAL, patience=0.0)
        self._bounds: list[Bound] = []
        self._seen: Mapping[str, Sight] = {}
        self._looks = 0  # that the loop has answered
        self._asked = False
        self._stuck: dict[str, float] = {}
        self._thread = Thread(target=self._main, name="watchdog", daemon=True)

    def start(self) -> None:
        """Look from now on, until the process ends."""
        self._thread.start()

    def bounded(self, what: str, seconds: float, ended: Callable[[], bool]) -> None:
        """The process ends when this has not ended in so many seconds. From any thread, or a signal's handler."""
        self._bounds.append(Bound(what, seconds, ended))

    def stuck(self) -> str | None:
        """A sentence on what is stuck at present, or nothing."""
        return "; ".join(map(_sentence, self._stuck.items())) or None

    def look(self) -> None:
        """One look at everything."""
        now = self._clock()
        self._hold_to_bounds(now)
        if not self._asked:
            self._asked = True
            with suppress(RuntimeError):  # it is closed: nothing is left but the bounds
                self._loop.call_soon_threadsafe(self._answer)
        stuck = self._progress.look({LOOP: Sight(self._looks), **self._seen}, now)
        self._tell({LOOP: stuck[LOOP]} if LOOP in stuck else stuck)  # where the loop stands, everything does

    def _main(self) -> None:
        while True:
            time.sleep(INTERVAL)
            self.look()

    def _answer(self) -> None:
        self._seen = self._sights()
        self._looks += 1
        self._asked = False

    def _tell(self, stuck: dict[str, float]) -> None:
        before, self._stuck = self._stuck, stuck
        for name in before.keys() - stuck.keys():
            self._log.warning(f"{name} goes on again")
        fresh = {name: seconds for name, seconds in stuck.items() if name not in before}
        if fresh:
            self._say(f"stuck: {'; '.join(map(_sentence, fresh.items()))}. /healthz fails until it goes on")

    def _hold_to_bounds(self, now: float) -> None:
        for bound in [each for each in self._bounds if each.ended()]:
            self._bounds.remove(bound)
        for bound in self._countdowns.look({each: Sight("", longest=each.seconds) for each in self._bounds}, now):
            self._say(
                f"stuck: {bound.what} has not ended within {bound.seconds:.0f} s. This process ends now (exit code "
                f"{Exit.INTERNAL}); what it had under way is sent again by whoever has its partitions next"
            )
            self._end(Exit.INTERNAL)

    def _say(self, what: str) -> None:
        """With every stack. Not waited for for long: a log that nobody reads may be what everything hangs in."""
        found = {"threads": stacks.threads(), "tasks": stacks.tasks(self._loop)}
        words = Thread(target=lambda: self._log.error(what, **found), name="the watchdog's words", daemon=True)
        words.start()
        words.join(SAYING)


def _sentence(stuck: tuple[str, float]) -> str:
    name, seconds = stuck
    return f"{name} has not gone on for {seconds:.0f} s, and nothing says why"
