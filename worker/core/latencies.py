"""How long answers take now, and how long they take where no request waits for another: by operation.

What is looked at is the *midmean*, the mean of the middle half. A quarter of the users may be as slow as they like and
do not move it; and where users come in two kinds it moves smoothly, where a median would jump from one to the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import exp, log, log2, sqrt
from typing import Final

SHORTEST: Final = 1e-5  # seconds: added, since the logarithm of an answer in no time has no value
STEPS: Final = 16  # buckets for a factor of 2: each is 4.4 % wide
FIRST: Final = 17 * STEPS  # SHORTEST is 2 ** -16.6
LAST: Final = FIRST + 14 * STEPS  # four hours: what took longer was a machine asleep
STEP: Final = log(2) / STEPS
DOUBT: Final = 0.3  # the width that a single answer is taken to have
MEMORY: Final = 1_000  # answers that a base may rest on: what comes later always counts a little
ENOUGH: Final = 16  # answers of one operation that say what is usual
MUCH: Final = 5.0  # times the usual: such an answer is slow


class Latencies:
    """One operation's answers since the last look. ``base``: seconds that they take where nobody waits for another."""

    __slots__ = ("base", "counts", "rests_on", "slow_after")

    def __init__(self) -> None:
        self.counts = [0] * (LAST + 1)
        self.base = 0.0
        self.rests_on = 0  # answers; 0: nothing is known
        self.slow_after = float("inf")  # seconds

    def observe(self, seconds: float) -> None:
        """One more answer."""
        at = int(log2(seconds + SHORTEST) * STEPS + FIRST)
        self.counts[at if at < LAST else LAST] += 1  # noqa: FURB136  (three times as quick as ``min``)

    def forget(self) -> None:
        """Look at what comes from now on."""
        self.counts = [0] * (LAST + 1)

    def sample(self) -> Sample | None:
        """What was observed since the last ``forget``."""
        number = sum(self.counts)
        if not number:
            return None
        sample = Sample(self, number, *_middle(self.counts, number))
        if not self.rests_on:
            self.base, self.rests_on = sample.seconds, number
        if number >= ENOUGH:
            self.slow_after = MUCH * sample.seconds
        return sample


@dataclass(frozen=True, slots=True)
class Sample:
    """The middle half of so many answers: its mean in seconds; its width, as the logarithm of its ends' ratio."""

    of: Latencies
    number: int
    seconds: float
    width: float

    @property
    def error(self) -> float:
        """By what share the mean may be off."""
        return (self.width + DOUBT) / sqrt(self.number)

    def is_the_base(self) -> None:
        """Answers take as long as this by themselves."""
        self.of.base, self.of.rests_on = self.seconds, self.number

    def learn(self) -> None:
        """What is quicker than the base is the new one; what cannot be told from it moves it a little."""
        base = self.of.base
        if self.seconds < base * (1 - 2 * self.error):
            self.is_the_base()
        elif self.seconds < base * (1 + self.error):
            self.of.base += (self.seconds - base) * self.number / (self.number + self.of.rests_on)
            self.of.rests_on = min(self.of.rests_on + self.number, MEMORY)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one look saw: seconds that an answer took, and seconds that the same answers take where nobody waits.

    ``error``: by what share ``seconds`` may be off.
    """

    samples: tuple[Sample, ...]
    seconds: float
    base: float
    error: float

    @property
    def slowness(self) -> float:
        """Times the base."""
        return self.seconds / self.base

    @property
    def waits(self) -> float:
        """Seconds of it that are spent waiting for other requests."""
        return self.seconds - self.base

    def is_the_base(self) -> None:
        """Nobody waited."""
        for sample in self.samples:
            sample.is_the_base()

    def learn(self) -> None:
        """The base, as far as these answers tell it."""
        for sample in self.samples:
            sample.learn()


def read(operations: Iterable[Latencies]) -> Reading:
    """All operations' answers since the last look: one at least."""
    samples = tuple(sample for each in operations if (sample := each.sample()) is not None)
    number = sum(sample.number for sample in samples)
    seconds = sum(sample.number * sample.seconds for sample in samples)
    return Reading(
        samples,
        seconds / number,
        base=sum(sample.number * sample.of.base for sample in samples) / number,
        error=sqrt(sum((sample.number * sample.seconds * sample.error) ** 2 for sample in samples)) / seconds,
    )


def _middle(counts: Sequence[int], number: int) -> tuple[float, float]:
    """Seconds and width of the middle half."""
    low, high = number * 0.25, number * 0.75
    below, total, ends = 0, 0.0, []
    for at, count in enumerate(counts):
        if count:
            inside = min(below + count, high) - max(below, low)
            if inside > 0:
                total += inside * at
                ends.append(at)
            below += count
    middle = (total / (high - low) + 0.5 - FIRST) * STEP
    return max(exp(middle) - SHORTEST, SHORTEST), (ends[-1] - ends[0]) * STEP
