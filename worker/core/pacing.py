"""A lane's turns within the vendor's limit: every request counts, whatever it is for."""

from __future__ import annotations

from dataclasses import dataclass

from worker.core.effects import Effect, Send
from worker.core.rate import Pace
from worker.core.turns import Turns


@dataclass(slots=True)
class Pacing:
    """Whose turn it is stays the turns' decision: the oldest's. What waits meanwhile may be merged."""

    turns: Turns
    pace: Pace

    def take(self, now: float) -> Effect | None:
        """As ``Turns.take``; ``None`` also where the next request's time has not come."""
        if not self.pace.is_due(now):
            return None
        effect = self.turns.take(now)
        if isinstance(effect, Send):
            self.pace.spend(now)
        return effect

    @property
    def limits(self) -> bool:
        """Something could be sent, and waits for its time."""
        turns, when = self.turns, self.pace.refused
        if when is None:
            return False
        if turns.login_request is not None or turns.probes.flow in turns.due:
            return True
        if turns.gate.held:
            return turns.gate.probe_due(when)
        return bool(turns.due) or turns.queues.any_ready

    def wake_at(self, now: float) -> float | None:
        """When it may be sent; ``None``: nothing waits for that."""
        return self.pace.wake_at(now) if self.limits else None
