"""How an event leaves the lane: settled, or as a dead letter that is settled once the broker has it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

from mappings.contract import Credentials, Delivered, Outcome, Rejected, Skipped
from worker.core.conversation import Conversation
from worker.core.discretion import masked
from worker.core.effects import Note
from worker.core.items import Item, User, UserState
from worker.core.letters import DeadLetter, Letters
from worker.core.queues import Queues
from worker.core.tally import OutcomeName, Tally

TOKENS: Final = 4  # of the last logins


class Settling:
    """Outcomes → ledger, books and queues. ``secrets`` are masked in every detail."""

    def __init__(self, queues: Queues, letters: Letters, tally: Tally, notes: list[Note]) -> None:
        self.secrets: Iterable[str] = ()
        self._tokens: deque[str] = deque(maxlen=TOKENS)
        self.settled = 0  # events, since the lane began
        self._queues = queues
        self._letters = letters
        self._tally = tally
        self._notes = notes

    def logged_in(self, credentials: Credentials) -> None:
        """What a login gained is a secret, too; a vendor may quote the one before."""
        self._tokens.extend(value.rpartition(" ")[2] for value in credentials.headers.values())

    def delivered(self, conversation: Conversation, outcomes: tuple[Outcome, ...], now: float) -> None:
        """Every event of the flow is settled; its user's next one may go."""
        user = conversation.user
        if user.trouble is not None:
            self._queues.budget.did_well()
        user.trouble = None
        for item, outcome in zip(conversation.items, outcomes, strict=True):
            match outcome:
                case Delivered(note, _):
                    self._settle(item, "delivered", note, now)
                case Skipped(reason):
                    self._settle(item, "skipped", reason, now)
                case Rejected():  # pragma: no cover
                    raise AssertionError("a rejected event is settled by its acknowledgement")
        if len(outcomes) > 1:
            self._tally.merged_events.observe(len(outcomes))
        self.next(user)

    def rejected(self, conversation: Conversation, rejected: Rejected) -> None:
        """The head event becomes a dead letter; its user waits until the broker has it."""
        user = conversation.user
        item = conversation.items[0]
        user.state = UserState.DEAD_LETTERING
        user.conversation = None
        self._queues.release(user.key)
        letter = DeadLetter(
            user.assignment,
            item.record,
            item.member,
            rejected,
            masked(rejected.detail, item.event, (*self.secrets, *self._tokens)) if rejected.detail else "",
            item=item,
            status=conversation.last_status,
            attempts=item.attempts,
            first_failed=user.trouble.first if user.trouble is not None else None,
        )
        if user.trouble is not None:
            user.trouble.next_event()
        self._letters.write(letter)

    def acknowledged(self, letter: DeadLetter, now: float) -> None:
        """The broker has the dead letter: now its event is settled."""
        self._letters.acknowledged(letter)
        if letter.assignment.gone:
            return
        reason = letter.rejected.reason
        self._tally.dead_letters[reason] += 1
        fields = {"reason": reason, "detail": letter.detail}
        item = letter.item
        self._notes.append(Note("warning", "dead letter", letter.record, item.event if item else None, fields))
        if item is None:
            letter.assignment.settle(letter.record.offset, letter.member)
            self._tally.settle("dead-lettered", reason)
            self.settled += 1
        else:
            self._settle(item, "dead-lettered", reason, now)
            if item.user.head is not None:
                self._queues.ready(item.user)

    def next(self, user: User) -> None:
        """The user's open flow has ended; its next event may go."""
        user.conversation = None
        self._queues.release(user.key)
        if user.head is not None:
            self._queues.ready(user)

    def _settle(self, item: Item, outcome: OutcomeName, reason: str, now: float) -> None:
        record = item.record
        item.user.assignment.settle(record.offset, item.member)
        self._tally.settle(outcome, reason)
        self._tally.delivery_latency.observe(max(now - record.timestamp / 1000, 0.0))
        self._queues.settled(item)
        self.settled += 1
