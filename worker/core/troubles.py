"""What one event's failure says: of the event, and of the destination as a whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final, TypeAlias

from mappings.contract import Rejected
from worker.core.answers import OverLimit, SetupRefused
from worker.core.conversation import Conversation
from worker.core.effects import Note, Send
from worker.core.holds.breaker import Breaker
from worker.core.holds.confirmation import Confirmation, Kind
from worker.core.holds.gate import Gate
from worker.core.holds.reject_guard import RejectGuard
from worker.core.holds.states import Signal
from worker.core.items import User
from worker.core.policy import Policy
from worker.core.retry import FIRST_WAIT, Random, Trouble, Witnesses, backoff

DELIVERED: Final = "\0delivered"  # no operation is called so


@dataclass(frozen=True, slots=True)
class Split:
    """A merge fails while others are served: one of its events may be to blame, so they are sent one by one."""


SPLIT: Final = Split()
# What becomes of the flow: a number of seconds to sleep, its event's end, or its parts.
Fate: TypeAlias = float | Rejected | Split


class Troubles:
    """Failures, refusals and their witnesses. While the lane holds, nothing here changes but the event's own sleep."""

    confirmation: ClassVar[type[Confirmation]] = Confirmation
    trouble: ClassVar[type[Trouble]] = Trouble

    def __init__(
        self, policy: Policy, gate: Gate, random: Random, others: Callable[[User], bool], notes: list[Note]
    ) -> None:
        self.gate = gate
        self.lone: User | None = None  # the only one whose refusals brought the hold about
        self._policy = policy
        self._random = random
        self._others = others
        self._notes = notes
        self._breaker = Breaker()
        self._guard = RejectGuard(policy.reject_guard)
        self._confirmation = self.confirmation()
        self._witnesses = Witnesses()

    def accepted(self, conversation: Conversation, send: Send, now: float) -> None:
        """A 2xx that says yes."""
        self._witnesses.served(send.request.operation, conversation.user, send.sent)
        if conversation.probe:
            self._probe_accepted(send.request.operation, now)
        elif not self.gate.held:
            self._confirmation.accepted(send.request.operation, send.sent)
            if conversation.items[0].attempts == 0:
                self._breaker.succeeded(now)
            self.gate.answered_well(now)

    def _probe_accepted(self, operation: str, now: float) -> None:
        gate = self.gate
        opened = gate.signal(Signal.SUCCEEDED, now) or gate.signal(Signal.NOT_LIMITED, now)
        if operation == gate.operation:
            opened |= gate.signal(Signal.ACCEPTED, now)
        if opened:
            self.opened()

    def not_limited(self, now: float) -> None:
        """The probe's answer, whatever it was, is not about a limit."""
        if self.gate.signal(Signal.NOT_LIMITED, now):
            self.opened()

    def opened(self) -> None:
        """After a hold the past says nothing."""
        self.lone = None
        self._breaker.reset()
        self._guard.reset()
        self._confirmation.clear()

    def delivered(self, conversation: Conversation, now: float) -> None:
        """An event went through, by a request: a witness for the others' failures."""
        if conversation.sent_first is None:
            return
        self._witnesses.served(DELIVERED, conversation.user, conversation.sent_first)
        self._guard.reset()
        if conversation.probe and self.gate.signal(Signal.DELIVERED, now):
            self.opened()

    def rejected(self, conversation: Conversation, rejected: Rejected, now: float) -> None:
        """The destination refused an event for good, or the mapping failed at it."""
        if not self.gate.held and self._guard.refused(conversation.user):
            why = f"everybody's events are refused ({rejected.reason}): look at the latest change, or the dead letters"
            self.gate.signal(Signal.ALL_REFUSED, now, why)

    def failed(self, conversation: Conversation, sent: float, reason: str, wait: float | None, now: float) -> Fate:
        """A transient failure of a request that was sent then."""
        first_attempt = conversation.items[0].attempts == 0
        trouble, known_since = self._trouble(conversation, reason, now)
        explained = self.gate.concurrency.explains(sent)
        if not self.gate.held and first_attempt and self._breaker.failed(conversation.user, now, explained=explained):
            self.gate.signal(Signal.TRIPPED, now, f"most first attempts fail ({reason})")
        witnessed = known_since is not None and self._witnesses.saw(DELIVERED, conversation.user, known_since)
        return self._ordinary(trouble, conversation, reason, wait, now, witnessed=witnessed)

    def over_limit(self, conversation: Conversation, send: Send, meant: OverLimit, now: float) -> Fate:
        """The vendor limits: this user alone, or everybody?"""
        trouble, known_since = self._trouble(conversation, "limited", now)
        witnessed = self._served_meanwhile(send, conversation, known_since)
        if not self.gate.held and (
            (meant.account and not witnessed) or self._confirmed("limited", trouble, conversation, send, now)
        ):
            self.gate.signal(Signal.OVER_LIMIT, now, "the vendor's limit is reached", wait=meant.wait)
        if witnessed:
            return self._ordinary(trouble, conversation, "limited", meant.wait, now, witnessed=True)
        trouble.last = now
        trouble.failures += 1
        return self._pause(trouble, meant.wait)

    def setup_refused(self, conversation: Conversation, send: Send, meant: SetupRefused, now: float) -> Fate:
        """The vendor refuses the account: because of this event, or everybody's?"""
        operation = send.request.operation
        trouble, known_since = self._trouble(conversation, meant.reason, now)
        witnessed = self._served_meanwhile(send, conversation, known_since)
        own_fault = trouble.refused(now, witnessed=witnessed) and witnessed
        if not self.gate.held and self._confirmed("set-up", trouble, conversation, send, now):
            self.gate.operation = operation
            self.gate.signal(Signal.SETUP_REFUSED, now, f"{operation} is refused ({meant.reason}): check the set-up")
        if witnessed and conversation.is_merge and not self.gate.held:
            trouble.next_event()
            return SPLIT
        if own_fault and not self.gate.held:
            return Rejected("wrong-setup", f"{meant.reason} {meant.detail}".strip())
        return self._pause(trouble, meant.wait)

    def _served_meanwhile(self, send: Send, conversation: Conversation, since: float | None) -> bool:
        """Refusals are witnessed by the same operation."""
        return since is not None and self._witnesses.saw(send.request.operation, conversation.user, since)

    def _confirmed(self, kind: Kind, trouble: Trouble, conversation: Conversation, send: Send, now: float) -> bool:
        """Alone, a user speaks for all: but not one who was refused while others were served."""
        user = conversation.user
        operation = send.request.operation
        alone = not (trouble.witnessed or trouble.refusals or self._others(user))
        confirmed = self._confirmation.refused(kind, operation, user, sent=send.sent, now=now, alone=alone)
        self.lone = user if confirmed and alone else None
        return confirmed

    def _trouble(self, conversation: Conversation, reason: str, now: float) -> tuple[Trouble, float | None]:
        """The user's trouble, and when it failed last before this (``None``: this is its first failure)."""
        user = conversation.user
        if user is not self.lone:
            self.lone = None
        for item in conversation.items:
            item.attempts += 1
        if user.trouble is not None:
            return user.trouble, user.trouble.last
        user.trouble = self.trouble(first=now, last=now)
        item = conversation.items[0]
        self._notes.append(Note("info", "first failure", item.record, item.event, {"reason": reason}))
        return user.trouble, None

    def _ordinary(
        self,
        trouble: Trouble,
        conversation: Conversation,
        reason: str,
        wait: float | None,
        now: float,
        *,
        witnessed: bool,
    ) -> Fate:
        held = self.gate.held
        trouble.failed(now, witnessed=witnessed and not held)
        if witnessed and conversation.is_merge and not held:
            return SPLIT
        if not held and trouble.hopeless(now, self._policy.retry_window, witnessed=witnessed):
            trouble.given_up = True
            return Rejected("retries-exhausted", f"last failure: {reason}")
        return self._pause(trouble, wait)

    def _pause(self, trouble: Trouble, wait: float | None) -> float:
        # "At once" from a vendor in trouble is no wish to follow: one sick user would be retried at full speed.
        return backoff(trouble.failures, self._random) if wait is None or wait < FIRST_WAIT else wait
