"""What an answer leads to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, assert_never

from mappings.contract import Destination, Quota, Rejected, Request, Response
from worker.core.answers import (
    TO_FLOW,
    EventRefused,
    Failed,
    OverLimit,
    SetupRefused,
    ToFlow,
    TokenRefused,
    Verdict,
    verdict,
)
from worker.core.conversation import Conversation
from worker.core.effects import Send
from worker.core.endings import Endings
from worker.core.faults import Fault, FaultKind
from worker.core.policy import Policy
from worker.core.tally import Tally
from worker.core.troubles import Fate, Troubles
from worker.core.turns import Turns

OUR_OWN: Final = frozenset({FaultKind.WITHHELD, FaultKind.CUT})


@dataclass(slots=True)
class Delivery:
    """Answers are read by the table, and given to whom they concern: flow, event, or the lane as a whole."""

    destination: Destination[Any]
    policy: Policy
    turns: Turns
    endings: Endings
    troubles: Troubles
    tally: Tally

    def answer(self, send: Send, answer: Response | Fault, now: float) -> None:
        """The answer to a ``Send``. What belongs to a partition that is gone changes nothing."""
        self.turns.open -= 1
        flow = send.conversation
        if flow is not None:
            self.turns.queues.slow.heard(flow)
        if isinstance(answer, Fault) and answer.kind in OUR_OWN:
            self._not_the_vendor(send, answer, now)
            return
        self._count(send, answer, now)
        if flow is None:
            self.turns.login_step(self.turns.login.answer(answer, now), now)
            return
        flow.user.assignment.open -= 1
        meant = verdict(send.request, answer, self.destination, now)
        self._mind_pace(send, flow, meant, self.turns.filled, now)
        if send.reading is not None:
            self.turns.cache.answered(send.reading, _learnt(flow, answer, meant), flow.user.assignment, now)
        if flow.user.assignment.gone:
            self.turns.queues.release(flow.user.key)
            return
        if flow.probe and isinstance(answer, Response) and not isinstance(meant, OverLimit):
            self.troubles.not_limited(now)
        self._act(flow, send, answer, meant, now)
        if self.turns.probes.flow is not None and not self.turns.gate.held:
            self.turns.probes.done()
        if self.destination.quota is not None and isinstance(answer, Response):
            self._mind_quota(answer, now)

    def _mind_pace(self, send: Send, flow: Conversation, meant: Verdict, open_: int, now: float) -> None:
        """What the answer says of how much the destination takes at once, and of a user who is answered late."""
        concurrency, queues = self.turns.gate.concurrency, self.turns.queues
        if meant is TO_FLOW:
            if queues.slow_wait and open_ < concurrency.limit:
                open_ = concurrency.limit  # all of it is in use: the rest is kept for those who are not slow
            known_slow = not flow.generation
            late = concurrency.answered(send.request.operation, now - send.sent, open_, now, known_slow=known_slow)
            queues.slow.judge(flow.user.key, slow=late)
        elif isinstance(meant, OverLimit):
            concurrency.refused(send.sent, open_, now)
        elif isinstance(meant, Failed):
            # Who fails already says nothing of how much may be open: such tries are ever more of all requests, and more
            # still where the limit is lowered, which would pass for a proof that it was too high.
            if flow.user.trouble is None:
                concurrency.failed(send.sent, open_, now)
            if concurrency.is_slow(send.request.operation, now - send.sent):
                queues.slow.judge(flow.user.key, slow=True)
        if now >= queues.slow.turns_at:
            queues.slow.turn(now, concurrency.slow_after)

    def _not_the_vendor(self, send: Send, fault: Fault, now: float) -> None:
        """The worker itself kept the request back, or closed its connection: nobody's trouble."""
        flow = send.conversation
        if flow is not None:
            flow.user.assignment.open -= 1
            if send.reading is not None:
                self.turns.cache.answered(send.reading, None, flow.user.assignment, now)
            if flow.user.assignment.gone:
                self.turns.queues.release(flow.user.key)
                return
        if fault.kind is FaultKind.WITHHELD or flow is None:
            self.turns.withheld(send, now)
        else:
            self._cut(flow, send, fault, now)

    def _cut(self, flow: Conversation, send: Send, fault: Fault, now: float) -> None:
        """At the bound of a drain: whoever has the partition next sends it again, unless nobody may."""
        if self._is_unknown(send, fault) and not self._may_repeat(send):
            self.endings.meet(flow, self._unknown(send, fault.kind.value), fault.kind.value, None, now)
            return
        if self._is_unknown(send, fault) or flow.wrote:
            self.tally.possibly_repeated["drain's bound"] += len(flow.items)
        flow.wrote = False  # it is counted
        self.turns.queues.sleep(flow.user, float("inf"))
        self.turns.probes.abandon(flow.user.assignment)

    def _act(self, flow: Conversation, send: Send, answer: Response | Fault, meant: Verdict, now: float) -> None:
        flow.last_status = answer.status if isinstance(answer, Response) else None
        match meant:
            case ToFlow():
                assert isinstance(answer, Response)  # noqa: S101  (the table gives nothing else to a flow)
                self._to_flow(flow, send, answer, now)
            case Failed(reason, wait):
                self._failed(flow, send, answer, reason, wait, now)
            case OverLimit(wait, _):
                self.endings.meet(flow, self.troubles.over_limit(flow, send, meant, now), "limited", wait, now)
            case SetupRefused(reason, _, wait):
                self.endings.meet(flow, self.troubles.setup_refused(flow, send, meant, now), reason, wait, now)
            case EventRefused(reason, detail):
                flow.answers += 1
                self.endings.end(flow, flow.all_get(Rejected(reason, detail)), now)
            case TokenRefused():
                self._token_refused(flow, send, answer, now)
            case _:  # pragma: no cover
                assert_never(meant)

    def _to_flow(self, flow: Conversation, send: Send, answer: Response, now: float) -> None:
        flow.answers += 1
        flow.wrote |= send.request.method != "GET"
        if answer.ok:
            self.troubles.accepted(flow, send, now)
        step = flow.answer(answer)
        if isinstance(step, Request):
            self.turns.park(flow, now)
        else:
            self.endings.end(flow, step, now)

    def _failed(
        self, flow: Conversation, send: Send, answer: Response | Fault, reason: str, wait: float | None, now: float
    ) -> None:
        fate: Fate = self.troubles.failed(flow, send.sent, reason, wait, now)
        if self._is_unknown(send, answer):
            if self._may_repeat(send):
                self.tally.possibly_repeated["unknown outcome"] += len(flow.items)
            else:
                fate = self._unknown(send, reason)
        self.endings.meet(flow, fate, reason, wait, now)

    def _is_unknown(self, send: Send, answer: Response | Fault) -> bool:
        """May the vendor have done it, although nobody said so?"""
        perhaps = answer.written if isinstance(answer, Fault) else answer.ok or answer.status in (502, 504)
        return perhaps and send.request.method != "GET"

    def _may_repeat(self, send: Send) -> bool:
        return send.request.repeatable or self.policy.unknown_outcome == "retry"

    def _unknown(self, send: Send, reason: str) -> Rejected:
        return Rejected("unknown-outcome", f"no answer to {send.request.operation} ({reason})")

    def _token_refused(self, flow: Conversation, send: Send, answer: Response | Fault, now: float) -> None:
        if send.credentials is not None and self.turns.login.refused(send.credentials, now):
            self.turns.park(flow, now)
        else:
            self._act(flow, send, answer, SetupRefused("unauthorized"), now)

    def _mind_quota(self, answer: Response, now: float) -> None:
        assert self.destination.quota is not None  # noqa: S101
        try:
            said = self.destination.quota(answer)
            if isinstance(said, Quota):
                self.turns.gate.quota(said, now)
        except Exception:  # noqa: BLE001  (odd headers are the vendor's doing: they limit nobody)
            return

    def _count(self, send: Send, answer: Response | Fault, now: float) -> None:
        operation = send.request.operation
        status = answer.kind.value if isinstance(answer, Fault) else str(answer.status)
        self.tally.requests[operation, status] += 1
        self.tally.duration_of(operation).observe(now - send.sent)


def _learnt(flow: Conversation, answer: Response | Fault, meant: Verdict) -> Response | None:
    """What may be remembered. Not for a partition that is gone: its next owner may have written since."""
    if not isinstance(answer, Response) or answer.body is None or flow.user.assignment.gone:
        return None
    return answer if answer.ok and isinstance(meant, ToFlow) else None
