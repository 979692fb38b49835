"""How a lane stands at one moment: counted anew from what is there, so that the books have their other side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from itertools import islice

from worker.core.commits import position_of
from worker.core.holds.gate import Gate
from worker.core.intake import Intake
from worker.core.items import Assignment, User, UserState
from worker.core.letters import Letters
from worker.core.queues import Queues
from worker.core.tally import PartitionStatus, PendingState, Status, Tally

HEADS: dict[UserState, PendingState] = {
    UserState.READY: "ready",
    UserState.OPEN: "open",
    UserState.SLEEPING: "sleeping",
    UserState.DEAD_LETTERING: "dead-lettering",
}


def standing(
    intake: Intake, letters: Letters, gate: Gate, queues: Queues, tally: Tally, why: Collection[str]
) -> Status:
    """The whole account. Costs a look at every pending event. ``why`` the lane takes nothing at present."""
    assignments = intake.assignments
    pending = _pending(assignments.values())
    owed = sum(tally.settled.values()) + tally.released + sum(pending.values())
    limits = {*why, *intake.limited_by}
    if is_full_of_failing(intake, gate):
        limits.add("failing users")  # no end but the giving up, and for that the others' events are needed
    if queues.over_budget_until is not None:
        limits.add("retry budget")
    open_ = sum(one.open for one in assignments.values())
    if gate.concurrency.was_found and queues.any_ready and open_ >= gate.concurrency.limit:
        limits.add("concurrency")
    if letters.refused:
        limits.add("dead letters")
    if gate.held:
        limits.add("held")
    elif not pending and not intake.backlogged:
        limits.add("idle")
    troubles = [user.trouble for user in _waiting(assignments.values()) if user.trouble is not None]
    ends = (trouble.gives_up_at(intake.policy.retry_window) for trouble in troubles)
    return Status(
        state=gate.state.value,
        why=gate.why,
        held_since=gate.since if gate.held else None,
        until=gate.probe_at,
        pending=dict(pending),
        oldest_pending=min((oldest for one in assignments.values() for oldest in _oldest(one)), default=None),
        keys_failing=len(troubles),
        next_give_up=min((end for end in ends if end is not None), default=None),
        at_risk=sum(one.at_risk for one in assignments.values()),
        limited_by=frozenset(limits),
        requests_open=open_,
        concurrency_limit=gate.concurrency.limit,
        imbalance=sum(tally.consumed.values()) - owed,
        partitions={
            partition: _partition(one, paused=partition in intake.backlogged) for partition, one in assignments.items()
        },
    )


def is_full_of_failing(intake: Intake, gate: Gate) -> bool:
    """Is there no more room, and nobody left but users whose events fail?"""
    waiting = list(_waiting(intake.assignments.values())) if intake.limited_by and not gate.held else []
    return bool(waiting) and all(map(_fails, waiting))


def _waiting(assignments: Iterable[Assignment]) -> Iterator[User]:
    return (user for assignment in assignments for user in assignment.users.values() if user.head is not None)


def _fails(user: User) -> bool:
    return user.trouble is not None


def _pending(assignments: Iterable[Assignment]) -> Counter[PendingState]:
    pending: Counter[PendingState] = Counter()
    for assignment in assignments:
        pending["dead-lettering"] += len(assignment.malformed)
        for user in assignment.users.values():
            _count(user, pending)
    return +pending


def _count(user: User, pending: Counter[PendingState]) -> None:
    waiting = len(user.waiting) + len(user.behind)
    if not waiting:
        return
    flow = user.conversation
    served = len(flow.items) if flow is not None else 1
    pending[HEADS[user.state]] += served
    pending["behind its user"] += waiting - served


def _oldest(assignment: Assignment) -> list[float]:
    """Kafka's timestamps of what is not settled; records ascend, so the first of each user is enough."""
    heads = [user.head.record for user in assignment.users.values() if user.head is not None]
    malformed = (letter.record for letter in assignment.malformed)
    return [record.timestamp / 1000 for record in (*heads, *malformed, *islice(assignment.backlog, 1))]


def _partition(assignment: Assignment, *, paused: bool) -> PartitionStatus:
    ledger = assignment.ledger
    return PartitionStatus(
        committable=ledger.committable,
        settled_ahead=ledger.settled_ahead,
        unsettled=ledger.unsettled,
        paused=paused,
        map_chars=len(position_of(assignment).metadata),
    )
