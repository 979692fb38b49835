"""How high the limit may go after it was refused, and when more is tried again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

KNOWN_GOOD: Final = 0.9  # of the limit that was refused
SAME: Final = 1.5  # times a refused limit: up to there, and above what was good, it is the same one
PATIENCE: Final = 2.0  # a limit may have been found by chance, or of an hour that has passed
MOST_PATIENCE: Final = 1_280.0  # seconds until a refused limit is tried again


@dataclass(frozen=True, slots=True)
class Ceiling:
    """``until``: when more is tried again, Unix seconds.

    ``refused``: how many open were too many last; ``good``: how many were not.
    """

    level: float
    until: float = float("inf")
    patience: float = PATIENCE
    refused: float = 0.0
    good: float = 0.0

    def found(self, refused: float, accepted: float, now: float) -> Ceiling:
        """So many open were too many, and so many of them were not refused."""
        same = self.good < refused < SAME * self.refused
        patience = min(2 * self.patience, MOST_PATIENCE) if same else PATIENCE
        level = max(1.0, min(KNOWN_GOOD * refused, accepted))
        return Ceiling(level, now + patience, patience, refused, good=level)

    def lifted(self, highest: float) -> Ceiling:
        """It is tried again whether the destination still refuses more."""
        return Ceiling(highest, patience=self.patience, refused=self.refused, good=self.good)
