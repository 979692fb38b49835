"""Which share of the answers is a refusal or a failure anyway, and when there are more."""

from __future__ import annotations

from math import log, sqrt
from typing import Final

TOLERATED: Final = 2.0  # times the usual share
CHANCE: Final = 2.0  # standard deviations above it that may be chance
DOUBTED: Final = 50  # answers that the belief in a share of 0 rests on, before any came
MEMORY: Final = 1_000  # answers that the usual share may rest on: what comes later always counts a little
NEXT_TO_NONE: Final = 0.1  # of the share that was too much: so little is left where it came of what was open
SURE: Final = log(99)  # 1 in 100 is judged wrongly


class Share:
    """Answers of one kind among all. ``count``: those since the last look.

    ``slack``: a share, and ``few``: a number of them that say nothing.
    """

    __slots__ = ("_few", "_rests_on", "_slack", "count", "usual")

    def __init__(self, slack: float, few: float) -> None:
        self._slack, self._few = slack, few
        self.count = 0
        self.usual = 0.0
        self._rests_on = DOUBTED

    def is_too_large(self, among: int) -> bool:
        """More than usual, and more than chance would have it."""
        expected = (self._slack + TOLERATED * self.usual) * among
        return self.count > expected + CHANCE * sqrt(expected) + self._few

    def learn(self, count: int, well: int) -> None:
        """So many came, and so many answers that were well, that have nothing to do with what was open."""
        number = count + well
        if number:
            self.usual += (count / number - self.usual) * number / (number + self._rests_on)
            self._rests_on = min(self._rests_on + number, MEMORY)


def evidence(count: int, well: int, share: float, usual: float) -> float:
    """That it comes anyway, although less is open now (above ``SURE``), or came of what was open (below ``-SURE``).

    Wald's sequential test: is the share still what it was, or what is usual? As few answers as can tell are waited
    for: where 1 in 10 failed, some hundred that are well. What was noticed was large by chance maybe, so halfway to it
    is "still".
    """
    share = min(max(share, TOLERATED * usual), 1.0)
    still = (share + usual) / 2
    over = max(usual, NEXT_TO_NONE * share)
    return count * log(still / over) + well * log((1 - still) / (1 - over))
