"""What becomes of a partition's flows when it leaves: in order, at a drain's bound, or lost."""

from __future__ import annotations

from dataclasses import dataclass

from worker.core.conversation import Conversation
from worker.core.items import Assignment
from worker.core.letters import Letters
from worker.core.lookup_cache import LookupCache
from worker.core.probes import Probes
from worker.core.queues import Queues
from worker.core.tally import Tally
from worker.core.turns import Turns


@dataclass(slots=True)
class Departures:
    """Flows belong to an assignment: the next step of an old one is never sent."""

    turns: Turns
    queues: Queues
    letters: Letters
    cache: LookupCache
    probes: Probes
    tally: Tally

    def drained(self, assignment: Assignment, *, stands: bool) -> bool:
        """Nothing of it is under way any more. Sleeping flows are not waited for, nor any while the lane ``stands``."""
        return not (assignment.open or assignment.dead_lettering or (not stands and self._goes_on(assignment)))

    def _goes_on(self, assignment: Assignment) -> bool:
        """Has it flows that will go on by themselves? While the lane holds, or waits for a login, none does."""
        parked = (*self.turns.due, *self.turns.awaiting)
        return not self.turns.gate.held and any(flow.user.assignment is assignment for flow in parked)

    def cut(self, assignment: Assignment) -> None:
        """The bound of a drain: its flows between two requests go no further."""
        for flow in self.turns.unpark(assignment):
            self.queues.sleep(flow.user, float("inf"))

    def leave(self, assignment: Assignment, *, lost: bool) -> None:
        """It is gone: its flows end here. A key with a request under way is taken until its answer."""
        assignment.gone = True
        for user in assignment.users.values():
            if user.conversation is not None:
                self._count(user.conversation, lost=lost)
        for flow in self.turns.unpark(assignment):
            self.queues.release(flow.user.key)
        self.probes.abandon(assignment)
        self.letters.drop(assignment)
        self.cache.disown(assignment)
        self.tally.released += self.queues.drop(assignment) + len(assignment.malformed)
        assignment.backlog.clear()

    def _count(self, flow: Conversation, *, lost: bool) -> None:
        """What it has begun, its next owner may do again."""
        if flow.is_under_way and flow.request is not None and flow.request.method != "GET":
            self.tally.possibly_repeated["lost partition" if lost else "drain's bound"] += len(flow.items)
        elif flow.wrote:
            self.tally.possibly_repeated["lost partition" if lost else "cut flow"] += len(flow.items)
