"""What a lane tells of itself: each change of its state once, and how long it held."""

from __future__ import annotations

from typing import Final, Literal

from worker.core.effects import Note
from worker.core.holds.gate import Change, Gate
from worker.core.holds.states import HELD
from worker.core.intake import Intake
from worker.core.standing import is_full_of_failing
from worker.core.tally import Tally

LOOK_EVERY: Final = 10.0  # seconds: it looks at every user, and changes slowly
KEPT: Final = 86_400.0  # seconds that it is remembered of a user who is gone that its events were given up


class Chronicle:
    """For the log and the metric of held seconds. ``notes`` is the lane's."""

    def __init__(self, gate: Gate, intake: Intake, tally: Tally, notes: list[Note]) -> None:
        self._gate = gate
        self._intake = intake
        self._tally = tally
        self._notes = notes
        self._held_since: float | None = None
        self._held_as = ""
        self._full = False
        self._look_at = 0.0

    def tick(self, now: float) -> None:
        """Time has passed."""
        self._account(now)
        if now >= self._look_at:
            self._look_at = now + LOOK_EVERY
            self._look()
            self._intake.forget_the_past(now - KEPT)

    def tell(self, now: float) -> bool:
        """Whether the state has changed since it was told last."""
        changes = self._gate.changes
        if not changes:
            return False
        self._account(now)
        self._notes.extend(map(_told, changes))
        changes.clear()
        self._held_since = now if self._gate.held else None
        self._held_as = self._gate.state.value
        return True

    def _account(self, now: float) -> None:
        if self._held_since is not None:
            self._tally.held_seconds[self._held_as] += now - self._held_since
            self._held_since = now

    def _look(self) -> None:
        full = is_full_of_failing(self._intake, self._gate)
        if full and not self._full:
            advice = "they wait for the destination; segment-relay dead-letters park gives their next events up"
            self._notes.append(Note("error", "full of failing users", fields={"advice": advice}))
        elif self._full and not full:
            self._notes.append(Note("info", "no longer full of failing users"))
        self._full = full


def _told(change: Change) -> Note:
    level: Literal["warning", "info"] = "warning" if change.after in HELD else "info"
    return Note(level, f"{change.before} → {change.after}", fields={"why": change.why} if change.why else {})
