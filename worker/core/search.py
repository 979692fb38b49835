"""Where the limit goes, by how long answers take.

*Whose doing is it?* Latency says nothing by itself: the vendor may have become slower. So whatever looks like waiting
is tried out. With fewer requests open, either answers are quicker (they had waited for each other), or they are not:
then that is how long they take now, the new base, and the limit goes back up. In a calm the same trial is made now and
then, upwards and downwards in turn, so that no wrong belief is kept for ever.

After TCP Vegas (what is aimed at) and BBR (trials).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Final

from worker.core.latencies import Reading
from worker.core.waiting import MUCH_QUICKER, aim, hardly, surely_quicker, surely_too_long, too_long

DOUBLE: Final = 2.0  # how the limit grows
CAREFUL: Final = 1.25
BOLDER: Final = 1.2  # and how its growth does
FEWER: Final = 0.75
MORE: Final = 1.25  # trials in a calm
MOST_FEWER: Final = 0.5
LEAST_FEWER: Final = 0.8  # trials where answers seem to wait
FOLLOWS: Final = 0.5  # of the change of the limit, both as logarithms: the latency follows it
CALM: Final = 16  # looks between two trials


@dataclass(frozen=True, slots=True)
class Trial:
    """The limit, and the latency as times the base, before it."""

    level: float
    limit: int
    slowness: float


@dataclass(frozen=True, slots=True)
class Place:
    """Where the search was when too much was refused."""

    level: float
    step: float
    ceiling: float


class Search:
    """The ``limit``, from 1 to ``most``, and no higher than the ``ceiling`` that refusals set."""

    __slots__ = ("_good", "_looks", "_step", "_trial", "_up", "_was", "ceiling", "level", "limit", "most")

    def __init__(self, first: int, most: int) -> None:
        self.most = most
        self.limit = first
        self.level = self._good = float(first)  # the last one that was not refused
        self.ceiling = float(most)
        self._step = DOUBLE
        self._trial: Trial | None = None
        self._was: Place | None = None
        self._looks = 0  # since the last trial that nothing but the time asked for
        self._up = False  # the next trial in a calm

    @property
    def tries(self) -> bool:
        """A trial is on: it takes more evidence."""
        return self._trial is not None

    @property
    def races(self) -> bool:
        """No sign yet that it is enough: it doubles each time, on little evidence."""
        return self._step >= DOUBLE and self._trial is None

    # --- what is refused

    def lower(self, level: float) -> None:
        """Too much was open; no more than this, until it is known whether that helps."""
        if self._was is None:
            self._was = Place(self.level, self._step, self.ceiling)
            level = min(level, self._good)
        self._step, self._trial = CAREFUL, None
        self._set(level)
        self.ceiling = self.level

    def take_back(self) -> None:
        """It did not help."""
        was, self._was = self._was, None
        assert was is not None  # noqa: S101  (only what was lowered is taken back)
        self._step, self.ceiling = was.step, max(was.ceiling, was.level)
        self._set(max(was.level, self.level))

    def keep(self, ceiling: float) -> None:
        """It did, and so much may be open."""
        self._was = None
        self.ceiling = ceiling

    # --- what follows from a look at the limit

    def decide(self, reading: Reading) -> bool:
        """Whether what is open now was sent under another limit, or for another question: it says nothing."""
        self._good = self.level
        if self._trial is not None:
            return self._judge(self._trial, reading)
        if self.races:
            return self._race(reading)
        return self._go_carefully(reading)

    def give_up_trial(self) -> bool:
        """There was not enough to send: the limit says nothing, and has to say nothing."""
        trial, self._trial = self._trial, None
        return trial is not None and self._set(trial.level)

    def _race(self, reading: Reading) -> bool:
        if surely_too_long(reading):
            self._step = CAREFUL
            return True
        reading.learn()
        return self._set(self.level * self._step)

    def _go_carefully(self, reading: Reading) -> bool:
        self._looks += 1
        if self._looks >= CALM:
            self._looks = 0
            self._up = not (self._up or too_long(reading))
            return self._try(MORE if self._up else FEWER / reading.slowness, reading)
        if too_long(reading):
            return self._try(aim(reading), reading)
        reading.learn()
        if surely_quicker(reading, MUCH_QUICKER):
            return self._try(FEWER, reading)
        grows = hardly(reading) and self._set(self.level * self._step)
        self._step = min(self._step * BOLDER, DOUBLE) if grows else CAREFUL
        return grows

    def _try(self, factor: float, reading: Reading) -> bool:
        """Does the latency follow the limit?"""
        self._step = CAREFUL
        before = Trial(self.level, self.limit, reading.slowness)
        fewer = max(MOST_FEWER, min(factor, LEAST_FEWER))
        changed = self._set(self.level * (factor if factor > 1 else fewer))
        self._trial = before if changed else None
        return changed

    def _judge(self, before: Trial, reading: Reading) -> bool:
        self._trial = None
        change = log(reading.slowness / before.slowness) / log(self.limit / before.limit)
        if change < FOLLOWS:  # nobody waits for another: all is as it should be, or the vendor has another pace now
            reading.is_the_base()
            self._step = CAREFUL
            return self._set(max(self.level, before.level))
        if self.limit > before.limit:
            return self._set(before.level)
        if surely_quicker(reading):
            reading.is_the_base()  # it was not known how quick answers are: it may be still less
            return self._try(FEWER, reading)
        return self._set(min(max(aim(reading), MOST_FEWER) * self.level, before.level))

    def _set(self, level: float) -> bool:
        """The limit, within its bounds, and by 1 at least. Is it another?"""
        if level > self.level:
            level = min(max(level, self.level + 1.0), max(self.ceiling, self.level), self.most)
        elif level < self.level:
            level = max(min(level, self.level - 1.0), 1.0)
        self.level = level
        before, self.limit = self.limit, int(level)
        return self.limit != before
