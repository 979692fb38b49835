"""How a flow ends, or sleeps."""

from __future__ import annotations

from dataclasses import dataclass

from mappings.contract import Delivered, Rejected
from worker.core.conversation import Conversation, Ended
from worker.core.effects import Note
from worker.core.holds.gate import Gate
from worker.core.holds.states import State
from worker.core.probes import Probes
from worker.core.queues import Queues
from worker.core.retry import LONG_SLEEP
from worker.core.settling import Settling
from worker.core.tally import Tally
from worker.core.troubles import Fate, Split, Troubles


@dataclass(slots=True)
class Endings:
    """Outcomes are settled or become dead letters; failures sleep; a probe's end is told to the probes."""

    queues: Queues
    settling: Settling
    troubles: Troubles
    gate: Gate
    probes: Probes
    tally: Tally
    notes: list[Note]

    def end(self, flow: Conversation, ended: Ended, now: float) -> None:
        """A flow's outcome."""
        if ended.error is not None:
            item = flow.items[0]
            self.notes.append(Note("error", "bug in the mapping", item.record, item.event, error=ended.error))
        was_probe = flow.probe
        first = ended.outcomes[0]
        bug = ended.error is not None
        refused = isinstance(first, Rejected) and flow.answers > 0 and not bug
        if flow.is_merge and not all(isinstance(one, Delivered) for one in ended.outcomes):
            self._split(flow)
        elif isinstance(first, Rejected):
            flow.items[0].attempts += 1
            if refused or bug:
                self.troubles.rejected(flow, first, now)
            self._reject(flow, first, now, refused=refused, bug=bug)
        else:
            if isinstance(first, Delivered):
                self.troubles.delivered(flow, now)
            self.settling.delivered(flow, ended.outcomes, now)
        if was_probe and (refused or self._guarded(bug=bug)):
            self.probes.failed(now, None)
        elif was_probe:
            self.probes.ended(now)

    def _guarded(self, *, bug: bool) -> bool:
        """Is it one of the bugs for which the lane holds? (In any other hold it says nothing of the destination.)"""
        return bug and self.gate.state is State.REJECT_GUARD

    def _reject(self, flow: Conversation, rejected: Rejected, now: float, *, refused: bool, bug: bool) -> None:
        if (refused and self.gate.held) or self._guarded(bug=bug):
            # A refusal while the lane holds may be the outage speaking: the event is asked again afterwards.
            self.begin_again(flow)
            self._sleep(flow, LONG_SLEEP, now)
            return
        self.settling.rejected(flow, rejected)
        if refused:
            flow.user.trouble = None  # the vendor's own word on the event: it serves this user

    def begin_again(self, flow: Conversation) -> None:
        """From the first request; what the flow has written so far it may write again."""
        if flow.wrote:
            self.tally.possibly_repeated["flow begun again"] += len(flow.items)
        flow.restart()

    def _split(self, flow: Conversation) -> None:
        """The merge was not delivered as one: its events are sent one by one, and write again what it has written."""
        if flow.wrote:
            self.tally.possibly_repeated["merge taken apart"] += len(flow.items)
        flow.user.singles = len(flow.items)
        self.settling.next(flow.user)

    def meet(self, flow: Conversation, fate: Fate, reason: str, wait: float | None, now: float) -> None:
        """A failed or refused flow sleeps, or its head event is given up."""
        if flow.probe:
            self.probes.failed(now, wait)
        if isinstance(fate, Rejected) and not flow.is_merge:
            self.settling.rejected(flow, fate)  # not the vendor's word on the event: its user's trouble goes on
            return
        self.tally.retries[reason] += 1
        if isinstance(fate, Rejected | Split):
            self._split(flow)
        else:
            self._sleep(flow, fate, now)

    def _sleep(self, flow: Conversation, wait: float, now: float) -> None:
        flow.slept_since = now
        self.queues.sleep(flow.user, now + wait)
