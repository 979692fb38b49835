"""How many requests may be open at a destination: found from how long its answers take, and from what it refuses.

Rate is open requests ÷ mean latency. As long as more open requests are answered as quickly, more of them are better;
from where they wait for each other, more of them only wait longer. So the limit is kept where answers wait a little,
which keeps the destination busy and its queue short.

*Whose doing is it?* Latency says nothing by itself: the vendor may have become slower. So whatever looks like waiting
is tried out. With fewer requests open, either answers are quicker (they had waited for each other), or they are not:
then that is how long they take now, the new base, and the limit goes back up. In a calm the same trial is made now and
then, upwards and downwards in turn, so that no wrong belief is kept for ever.

After TCP Vegas (what is aimed at), BBR (trials) and AIMD (refusals).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Final

from worker.core.latencies import Latencies, Reading, read
from worker.core.refusals import Refusals
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
EVIDENCE: Final = 64
MOST_EVIDENCE: Final = 1_024  # answers that a careful look rests on
FAIRLY_SURE: Final = 0.08  # share by which a careful look may be off
SURE: Final = 0.06  # and a trial's
BACK_OFF: Final = 0.7
UNKNOWN: Final = 1.0  # seconds after which an answer is slow, as long as nothing is known
UNHEARD_OF: Final = float("inf")


@dataclass(frozen=True, slots=True)
class Trial:
    """The limit, and the latency as times the base, before it."""

    level: float
    limit: int
    slowness: float


class Concurrency:
    """One destination's ``limit``, from 1 to ``most``. It stays at ``most`` where it is not ``adaptive``."""

    __slots__ = (
        "_due",
        "_full",
        "_good",
        "_heard",
        "_heard_before",
        "_left_out",
        "_level",
        "_looks",
        "_operations",
        "_refusals",
        "_row",
        "_settling",
        "_step",
        "_trial",
        "_up",
        "adaptive",
        "limit",
        "most",
    )

    def __init__(self, most: int, *, adaptive: bool) -> None:
        self.most = most
        self.adaptive = adaptive
        self.limit = 1 if adaptive else most
        self._level = self._good = float(self.limit)  # the last one that was not refused
        self._operations: dict[str, Latencies] = {}
        self._refusals = Refusals(most)
        self._heard = self._full = 0  # answers in this look; those before which no more might be open
        self._row = self._heard_before = 0  # failures without an answer between them
        self._left_out = 0  # and those of slow users besides
        self._due = 1  # answers after which there is a look
        self._settling = False  # what was open when the limit changed is still being answered
        self._step = DOUBLE
        self._trial: Trial | None = None
        self._looks = 0  # since the last trial that nothing but the time asked for
        self._up = False  # the next trial in a calm

    @property
    def was_found(self) -> bool:
        """It is the destination's, and not what the settings allow."""
        return self.limit < self.most

    # --- the hot path

    def answered(self, operation: str, seconds: float, open_: int, now: float, *, known_slow: bool = False) -> bool:
        """One more final answer, after so many seconds; so many requests were open until then. Was it a slow one?

        What a user who is ``known_slow`` waits for says nothing of the others: where those have little to send, a
        quarter of the answers would soon be slow ones, and be taken for a queue. Not more are left out than are heard:
        where everybody is slow, it is the destination.
        """
        latencies = self._operations.get(operation)
        if latencies is None:
            latencies = self._operations[operation] = Latencies()
        late = seconds > latencies.slow_after
        if late and known_slow and self._left_out < self._heard:
            self._left_out += 1
            return True
        latencies.observe(seconds)
        self._heard += 1
        if open_ >= self.limit:
            self._full += 1
        if self._heard >= self._due:
            self._look(open_ - 1, now)
        return seconds > latencies.slow_after

    def is_slow(self, operation: str, seconds: float) -> bool:
        """Is it much longer than usual?"""
        latencies = self._operations.get(operation)
        return latencies is not None and seconds > latencies.slow_after

    @property
    def slow_after(self) -> float:
        """Seconds after which an answer is slow, whatever the operation."""
        known = [each.slow_after for each in self._operations.values() if each.slow_after < UNHEARD_OF]
        return max(known, default=UNKNOWN)

    # --- what is refused

    def refused(self, sent: float, open_: int, now: float) -> None:
        """The destination has said that it is too much; so many were open until then."""
        if self.adaptive and self._refusals.refused(sent, max(self.limit, self._heard)):
            self._back_off(open_, now)

    def failed(self, sent: float, open_: int, now: float) -> None:
        """No answer in time, or one of a destination in trouble: many of them may say that it is too much."""
        self._row = self._row + 1 if self._heard == self._heard_before else 1
        self._heard_before = self._heard
        if self.adaptive and self._refusals.failed(sent, max(self.limit, self._heard), self._row):
            self._back_off(open_, now)

    def explains(self, sent: float) -> bool:
        """A failure of what was sent then: more was open than is allowed now. It says nothing of the destination."""
        return self.adaptive and self._refusals.explains(sent)

    def _back_off(self, open_: int, now: float) -> None:
        refused = min(self._level, max(float(open_), 1.0))
        if self._refusals.backs_off(refused, max(self.limit, self._heard), now):
            self._step, self._trial = CAREFUL, None
            self._set(min(BACK_OFF * refused, self._good), open_ - 1)

    # --- a look

    def _look(self, open_: int, now: float) -> None:
        if self._settling:
            self._settling = False
            self._begin()
            return
        at_the_limit = self.adaptive and 2 * self._full >= self._heard
        if not at_the_limit and self._heard < EVIDENCE:
            self._due = EVIDENCE  # there is no hurry
            return
        reading = read(self._operations.values())
        if at_the_limit and not self._says_enough(reading):
            self._due = 2 * self._heard
            return
        heard, full = self._heard, self._full
        self._begin()
        self._refusals.look(heard, now)
        if not self.adaptive:
            return
        if at_the_limit:
            self._good = self._level
            self._decide(reading, open_)
        else:
            self._not_at_the_limit(reading, open_, hindered=full > 0)

    def _begin(self) -> None:
        for each in self._operations.values():
            each.forget()
        self._heard = self._full = self._left_out = 0
        if self._races:
            self._due = max(1, self.limit // 2)
        else:
            rounds = 1 if self._trial is None else 2
            self._due = rounds * max(EVIDENCE, self.limit)

    @property
    def _races(self) -> bool:
        """No sign yet that it is enough: it doubles each time, on little evidence."""
        return self._step >= DOUBLE and self._trial is None

    def _says_enough(self, reading: Reading) -> bool:
        if self._races or self._heard >= MOST_EVIDENCE:
            return True
        return reading.error <= (FAIRLY_SURE if self._trial is None else SURE)

    def _not_at_the_limit(self, reading: Reading, open_: int, *, hindered: bool) -> None:
        """There was not enough to send: the limit says nothing, and has to say nothing."""
        if hindered:
            reading.learn()
        else:
            reading.is_the_base()
        trial, self._trial = self._trial, None
        if trial is not None:
            self._set(trial.level, open_)

    # --- what follows

    def _decide(self, reading: Reading, open_: int) -> None:
        if self._trial is not None:
            self._judge(self._trial, reading, open_)
        elif self._races:
            self._race(reading, open_)
        else:
            self._go_carefully(reading, open_)

    def _race(self, reading: Reading, open_: int) -> None:
        if surely_too_long(reading):
            self._step = CAREFUL
            self._settle(open_)
        else:
            reading.learn()
            self._set(self._level * self._step, open_)

    def _go_carefully(self, reading: Reading, open_: int) -> None:
        self._looks += 1
        if self._looks >= CALM:
            self._looks = 0
            self._up = not (self._up or too_long(reading))
            self._try(MORE if self._up else FEWER / reading.slowness, reading, open_)
        elif too_long(reading):
            self._try(aim(reading), reading, open_)
        elif surely_quicker(reading, MUCH_QUICKER):
            reading.learn()
            self._try(FEWER, reading, open_)
        else:
            reading.learn()
            grows = hardly(reading) and self._set(self._level * self._step, open_)
            self._step = min(self._step * BOLDER, DOUBLE) if grows else CAREFUL

    def _try(self, factor: float, reading: Reading, open_: int) -> None:
        """Does the latency follow the limit?"""
        self._step = CAREFUL
        self._trial = Trial(self._level, self.limit, reading.slowness)
        fewer = max(MOST_FEWER, min(factor, LEAST_FEWER))
        if not self._set(self._level * (factor if factor > 1 else fewer), open_):
            self._trial = None

    def _judge(self, before: Trial, reading: Reading, open_: int) -> None:
        self._trial = None
        change = log(reading.slowness / before.slowness) / log(self.limit / before.limit)
        if change < FOLLOWS:  # nobody waits for another: all is as it should be, or the vendor has another pace now
            reading.is_the_base()
            self._step = CAREFUL
            self._set(max(self._level, before.level), open_)
        elif self.limit > before.limit:
            self._set(before.level, open_)
        elif surely_quicker(reading):
            reading.is_the_base()  # it was not known how quick answers are: it may be still less
            self._try(FEWER, reading, open_)
        else:
            self._set(min(max(aim(reading), MOST_FEWER) * self._level, before.level), open_)

    def _set(self, level: float, open_: int) -> bool:
        """The limit, within its bounds, and by 1 at least. Is it another?"""
        if level > self._level:
            level = min(max(level, self._level + 1.0), max(self._refusals.ceiling, self._level), self.most)
        elif level < self._level:
            level = max(min(level, self._level - 1.0), 1.0)
        self._level = level
        if int(level) == self.limit:
            return False
        self.limit = int(level)
        self._settle(open_)
        return True

    def _settle(self, open_: int) -> None:
        """What is open now was sent under another limit: it says nothing."""
        self._begin()
        if open_ > 0:
            self._settling = True
            self._due = open_
