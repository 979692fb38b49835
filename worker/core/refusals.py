"""What a destination refuses, or fails at: is it because of what is open, or does it come anyway?

A refusal (429, 503 with ``Retry-After``) is a word about the limit. A failure may be one where there are more than
usual. Either lowers the limit at once, and that is a trial: where as many come although less is open, they come anyway
(one user's own limit, a server in ten that is sick); the limit goes back to where it was, and so many are usual from
then on. Only where they have ended, it was the limit, and a ceiling is left.

After PCC (loss tells of a limit only by trials), Wald (how many answers a trial takes) and CUBIC (what was too much is
remembered, and tried again).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from worker.core.ceiling import KNOWN_GOOD, Ceiling
from worker.core.holds.breaker import IN_A_ROW as TRIPS
from worker.core.search import Search
from worker.core.shares import SURE, Share, evidence

SLACK: Final = 0.02  # share of failures that says nothing
CHANCE: Final = 2  # failures that may be chance
IN_A_ROW: Final = TRIPS // 2  # failures
UNUSUAL: Final = 0.3  # share of failures of which as many in a row are no chance
BACK_OFF: Final = 0.7
HALF: Final = 0.5


@dataclass(frozen=True, slots=True)
class Scene:
    """When something was refused or failed: the limit, and what was answered well under it since the last look.

    ``row``: as many came to nothing one after the other, this one included. ``left``: of what was open when that
    began, so many have not.
    """

    limit: int
    well: int
    row: int
    left: int


@dataclass(slots=True)
class Lowering:
    """A trial: ``open_`` were too many when it ``began``, and ``left`` of them were not refused, or are not yet.

    ``again``: how many were since the limit was lowered; what was ``well`` since then counts from ``ripe`` on: as late
    as a bad answer takes. No less than ``floor`` is tried at first.
    """

    of: Share
    began: float
    level: float
    open_: int
    left: int
    ripe: float
    floor: float
    again: int = 0
    well: int = 0

    @property
    def share(self) -> float:
        """Of what was open."""
        return 1 - self.left / self.open_

    def evidence(self, well: int = 0) -> float:
        """That it has nothing to do with the limit; ``well``: answers that no look has seen."""
        return evidence(self.again, self.well + well, self.share, self.of.usual)

    def is_enough(self, level: float) -> bool:
        """What was refused would fit in now: had it come of the limit, it would be over."""
        return level <= max(1.0, self.level * (1 - self.share))


class Refusals:
    """Lowers the limit of a ``search``, and takes it back."""

    __slots__ = ("_ceiling", "_explained", "_lowering", "_search", "_since", "failed", "refused")

    def __init__(self, search: Search) -> None:
        self.refused = Share(0.0, 0)
        self.failed = Share(SLACK, CHANCE)
        self._search = search
        self._ceiling = Ceiling(float(search.most))
        self._lowering: Lowering | None = None
        self._since = self._explained = float("-inf")  # when the limit was lowered

    def explains(self, sent: float) -> bool:
        """It was sent before the limit was lowered: too much was open, as is known by now."""
        return sent <= self._explained

    def heard(self, of: Share, sent: float, now: float, scene: Scene) -> None:
        """One more that was refused or failed, of what was sent then."""
        lowering = self._lowering if self._lowering is not None and self._lowering.of is of else None
        if sent <= self._since:
            if lowering is not None and sent <= lowering.began:
                lowering.left = max(0, lowering.left - 1)
                self._search.lower(min(self._search.level, max(lowering.left, lowering.floor)))
            return
        of.count += 1
        if lowering is not None:
            lowering.again += 1
            self._judge(lowering, now, scene)
        elif self._is_too_much(of, scene) and (self._lowering is None or of is self.refused):
            self._lower(of, now - sent, now, scene)

    def _is_too_much(self, of: Share, scene: Scene) -> bool:
        if of is self.failed and scene.row >= IN_A_ROW and of.usual < UNUSUAL:
            return True
        return of.is_too_large(max(scene.limit, scene.well + of.count))

    def _lower(self, of: Share, took: float, now: float, scene: Scene) -> None:
        open_ = scene.left + scene.row
        level = min(self._search.level, float(open_))
        # Where all that is open fails, the breaker has to hear of as many as it trips at, and soon.
        floor = max(HALF * level, TRIPS) if of is self.failed and level > TRIPS else 0.0
        self._lowering = Lowering(of, now, level, open_, scene.left, now + took, floor)
        if floor:
            self._explained = now
        self._further(level, now, scene)

    def _further(self, level: float, now: float, scene: Scene) -> None:
        self._since = now
        self._search.lower(min(BACK_OFF * level, scene.left))

    def _judge(self, lowering: Lowering, now: float, scene: Scene) -> None:
        """It goes on, although less is open."""
        well = scene.well if now >= lowering.ripe else 0
        if lowering.evidence(well) <= SURE:
            return
        if lowering.is_enough(self._search.level):
            lowering.of.learn(lowering.open_ - lowering.left, lowering.left)
            lowering.well += well
            self._take_back(lowering)
        else:
            lowering.again = lowering.well = 0
            self._further(self._search.level, now, scene)

    def nothing_is_answered(self, sent: float) -> None:
        """All that was open came to nothing: that is an outage, and no matter of how much is open.

        Of more than the breaker trips at, half are tried first: beyond its limit a destination may fail at everything.
        """
        lowering = self._lowering
        if lowering is not None and not (lowering.floor and sent <= lowering.began):
            self._take_back(lowering)

    def _take_back(self, lowering: Lowering) -> None:
        self._end(lowering)
        self._search.take_back()

    def _end(self, lowering: Lowering) -> None:
        lowering.of.learn(lowering.again, lowering.well)
        self._lowering = None
        self.settled()

    def settled(self) -> None:
        """What was sent under another limit is answered: count anew."""
        self.refused.count = self.failed.count = 0

    def look(self, well: int, now: float) -> None:
        """So many were answered well under one limit."""
        lowering = self._lowering
        for each in (self.refused, self.failed):
            if lowering is None or lowering.of is not each:
                each.learn(each.count, well)
        self.settled()
        if lowering is None:
            if now >= self._ceiling.until:
                self._ceiling = self._ceiling.lifted(self._search.most)
                self._search.ceiling = self._ceiling.level
        elif now >= lowering.ripe:
            lowering.well += well
            if lowering.evidence() < -SURE:
                self._has_helped(lowering, now)

    def _has_helped(self, lowering: Lowering, now: float) -> None:
        self._end(lowering)
        accepted = max(lowering.left / (1 - lowering.of.usual), self._search.level)
        if lowering.of is self.refused and lowering.level > TRIPS:  # they may have kept others out: the middle is tried
            accepted = max(accepted, HALF * (accepted + KNOWN_GOOD * lowering.level))
        self._ceiling = self._ceiling.found(lowering.level, accepted, now)
        self._search.keep(self._ceiling.level)
