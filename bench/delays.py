"""How long events were on their way: from the moment that was meant for each, on one machine's clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.open_loop import TICK, Plan


@dataclass(frozen=True, slots=True)
class Delays:
    """Seconds, ascending, of all that came; ``missing``: how many did not."""

    seconds: Sequence[float]
    missing: int

    @property
    def events(self) -> int:
        return len(self.seconds) + self.missing


def delays(
    plan: Plan, begin: float, warm: float, came: Sequence[float], concerns: Callable[[int], bool] = lambda _: True
) -> Delays:
    """Of those users' events; without what was meant for the first ``warm`` seconds.

    ``begin`` is the first moment, ``came`` when each event did, 0 for never (Unix seconds).
    """
    meant = zip(plan.speakers(), plan.moments(), came, strict=False)
    counted = [(begin + tick * TICK, stamp) for user, tick, stamp in meant if tick * TICK >= warm and concerns(user)]
    took = sorted(stamp - due for due, stamp in counted if stamp)
    return Delays(took, len(counted) - len(took))


def percentile(ascending: Sequence[float], share: float) -> float:
    """The smallest value that so large a share does not exceed."""
    return ascending[max(0, -int(-share * len(ascending) // 1) - 1)]
