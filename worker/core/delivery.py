"""What an answer leads to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, assert_never

from mappings.contract import Destination, Quota, Rejected, Request, Response
from worker.core.answers import (
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
from worker.core.faults import Fault
from worker.core.policy import Policy
from worker.core.tally import Tally
from worker.core.troubles import Fate, Troubles
from worker.core.turns import Turns


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
        self._count(send, answer, now)
        flow = send.conversation
        if flow is None:
            self.turns.login_step(self.turns.login.answer(answer, now), now)
            return
        flow.user.assignment.open -= 1
        meant = verdict(send.request, answer, self.destination, now)
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

    def _act(self, flow: Conversation, send: Send, answer: Response | Fault, meant: Verdict, now: float) -> None:
        flow.last = answer if isinstance(answer, Response) else None
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
        unknown = answer.written if isinstance(answer, Fault) else answer.ok or answer.status in (502, 504)
        fate: Fate = self.troubles.failed(flow, reason, wait, now)
        if unknown and send.request.method != "GET":
            if not send.request.repeatable and self.policy.unknown_outcome == "dead-letter":
                fate = Rejected("unknown-outcome", f"no answer to {send.request.operation} ({reason})")
            else:
                self.tally.possibly_repeated["unknown outcome"] += len(flow.items)
        self.endings.meet(flow, fate, reason, wait, now)

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
