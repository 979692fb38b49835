"""Who tries, while a lane holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from worker.core.conversation import Conversation
from worker.core.holds.gate import Gate
from worker.core.holds.states import State
from worker.core.items import Assignment, User, UserState
from worker.core.queues import Queues
from worker.core.records import TopicPartition


class Probes:
    """One at a time, another user each time, never-failed ones first: a poison event keeps no healthy destination shut.

    ``flow`` is the one that is trying now.
    """

    def __init__(self, gate: Gate, queues: Queues, assignments: Mapping[TopicPartition, Assignment]) -> None:
        self.flow: Conversation | None = None
        self._gate = gate
        self._queues = queues
        self._assignments = assignments
        self._number = 0
        self._read_in: float | None = None  # the beginning of the hold for whose next probe the secrets were read

    def wants_secrets(self, *, logs_in: bool) -> bool:
        """A login, and a refused set-up, is tried with what the secret files say now."""
        return (logs_in or self._gate.state is State.SETUP) and self._read_in != self._gate.since

    def secrets_read(self) -> None:
        """They were read for the probe that is due."""
        self._read_in = self._gate.since

    def choose(self, parked: Iterable[Conversation]) -> Conversation | User | None:
        """A flow whose next request waits, or a user that was taken for it; ``None``: there is nobody."""
        everybody: list[Conversation | User] = [*parked, *self._users()]
        best = min(everybody, key=self._rank, default=None)
        if isinstance(best, User):
            best.state = UserState.READY
            self._queues.grab(best)
        return best

    def question(self, lone: User | None, now: float) -> None:
        """One user alone brought the hold about: another one who never tried is asked at once, not in a minute."""
        if lone is None or self._gate.probe_at is None or self._gate.probe_due(now):
            return
        if any(user is not lone and user.trouble is None and not user.probed for user in self._users()):
            self._gate.probe_at = now

    def begin(self, flow: Conversation) -> None:
        """This flow tries."""
        self._number += 1
        flow.user.probed = self._number
        flow.probe = True
        self.flow = flow
        self._gate.probing()

    def failed(self, now: float, wait: float | None) -> None:
        """It did not open the lane; ``wait`` seconds where the vendor asked for them."""
        self.done()
        self._read_in = None
        self._gate.probe_failed(now, wait)

    def ended(self, now: float) -> None:
        """Its flow ended; where the lane still holds, it said nothing of what is asked."""
        self.done()
        self._gate.probe_said_nothing(now)

    def abandon(self, assignment: Assignment) -> None:
        """A partition is gone; where its user was trying, somebody else tries at once."""
        if self.flow is not None and self.flow.user.assignment is assignment:
            self.done()
            self._gate.probe_said_nothing(self._gate.since)

    def done(self) -> None:
        """Nobody tries any more."""
        if self.flow is not None:
            self.flow.probe = False
            self.flow = None

    def _users(self) -> Iterator[User]:
        for assignment in self._assignments.values():
            if assignment.serves:
                for user in assignment.users.values():
                    waits = user.state in (UserState.READY, UserState.SLEEPING) and user.head is not None
                    if waits and self._queues.is_free(user.key):
                        yield user

    def _rank(self, one: Conversation | User) -> tuple[int, int, int, int]:
        # That it would make the operation that is asked about comes after the turns: else who would make it, and is
        # refused for its own fault, could try for ever.
        user, flow = (one, one.conversation) if isinstance(one, User) else (one.user, one)
        request = flow.request if flow is not None else None
        asked = self._gate.operation
        elsewhere = asked is not None and request is not None and request.operation != asked
        head = user.head
        assert head is not None  # noqa: S101  (it waits)
        return user.trouble is not None, user.probed, elsewhere, head.arrival
