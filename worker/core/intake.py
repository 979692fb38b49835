"""From a poll's records to queued events: admitted, decoded, routed, accounted for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Final, assert_never

from mappings.contract import Event, Rejected, Skipped
from worker.core.decode import Malformed, Member, Tombstone, decode
from worker.core.discretion import masked
from worker.core.items import Assignment, Folded, Item, User, UserState
from worker.core.ledger import Ledger
from worker.core.letters import DeadLetter, Letters
from worker.core.offset_map import OffsetMap
from worker.core.policy import Policy
from worker.core.queues import Queues
from worker.core.records import Record, TopicPartition
from worker.core.retry import Trouble
from worker.core.routing import Filtered, Routing
from worker.core.tally import Tally
from worker.core.weight import Weight, brackets_in, weight_of

NOTHING: Final[frozenset[str]] = frozenset()
UNFOLDED: Final = 100  # events of one user that are kept ready; those behind wait as the bytes that they came as
REFILL_AT: Final = UNFOLDED // 2  # as many as one flow may take at most (worker.core.merging.MOST_MERGED)
HUNGRY: Final = 500  # records that are not needed yet: with fewer, the next poll is due
NO_PARTITIONS: Final[frozenset[TopicPartition]] = frozenset()


class Intake:
    """The partitions of one lane, and what they may still bring.

    Records that find no room wait undecoded in their partition's backlog, which one poll bounds: such a partition is
    paused. So do those that are not needed yet, where nothing is gained by having them: where ``merges`` is false.
    """

    def __init__(self, policy: Policy, queues: Queues, letters: Letters, tally: Tally, *, merges: bool) -> None:
        self.assignments: dict[TopicPartition, Assignment] = {}
        self.limited_by: frozenset[str] = NOTHING
        self.backlogged: frozenset[TopicPartition] = NO_PARTITIONS  # to be paused: they brought more than has room
        self.eager = False  # nobody knows who is needed: all that there is room for is
        self.waits = False  # records are here that there is room for, and no need
        self.hungry = True  # and few of them
        self.policy = policy
        self._enough = None if merges else policy.ready_users
        self._routing = Routing(policy)
        self._queues = queues
        self._letters = letters
        self._tally = tally
        self._arrivals = 0
        self._turn = 0
        self._sharing = 0  # partitions that have a share of the buffer

    def assign(self, partition: TopicPartition, start: int, settled: OffsetMap) -> Assignment:
        """A partition is ours: a new ledger, and nothing of an earlier assignment."""
        assignment = Assignment(partition, Ledger(start, settled), position=start)
        self.assignments[partition] = assignment
        return assignment

    def forget(self, partition: TopicPartition) -> None:
        """It is not ours any more: nothing of it waits for room."""
        self.backlogged -= {partition}
        if not self.backlogged:
            self.limited_by = NOTHING

    def forget_the_past(self, before: float) -> None:
        """Users with no event who failed last before then, and were given up: whoever comes back begins anew."""
        for assignment in self.assignments.values():
            past = [one for one in assignment.users.values() if one.head is None and one.trouble is not None]
            for user in past:
                if user.trouble is not None and user.trouble.last < before:
                    del assignment.users[user.key]

    def others_wait(self, user: User) -> bool:
        """Is there an event of another user here, whose request could confirm a refusal?"""
        others = (one for each in self.assignments.values() for one in each.users.values() if one is not user)
        return any(one.head is not None and one.state is not UserState.DEAD_LETTERING for one in others)

    def receive(
        self,
        batch: Mapping[TopicPartition, Sequence[Record]],
        positions: Mapping[TopicPartition, int],
        now: float,
    ) -> None:
        """One poll: its records, and the consumer's positions after it."""
        if batch:
            self._tally.batch_events.observe(sum(map(len, batch.values())))
        for partition, records in batch.items():
            assignment = self.assignments.get(partition)
            if assignment is not None and assignment.serves:
                assignment.backlog.extend(records)
                assignment.used = True
        for partition, position in positions.items():
            assignment = self.assignments.get(partition)
            if assignment is not None:
                assignment.position = position
        self.admit(now)

    def admit(self, now: float) -> None:
        """Take in what there is room for and need of, from every partition in turn."""
        limits: set[str] = set()
        full: set[TopicPartition] = set()
        unneeded = 0
        waiting = [one for one in self.assignments.values() if one.serves]
        self._turn += 1
        # Replay partitions, which hardly ever have a record, are as many as the sources': they get no half of it all.
        self._sharing = sum(one.used for one in waiting)
        for index in range(len(waiting)):
            assignment = waiting[(index + self._turn) % len(waiting)]
            limit = self._admit_from(assignment, now)
            if limit is not None:
                limits.add(limit)
                full.add(assignment.partition)
            elif assignment.backlog:
                unneeded += len(assignment.backlog)
            elif assignment.position and self.policy.enabled:
                assignment.ledger.passed(assignment.position)
        if not self.policy.enabled:
            limits.add("disabled")
            full.update(one.partition for one in waiting)
        self.limited_by = frozenset(limits) if limits else NOTHING
        self.backlogged = frozenset(full) if full else NO_PARTITIONS
        self.waits = unneeded > 0
        self.hungry = unneeded < HUNGRY

    def _admit_from(self, assignment: Assignment, now: float) -> str | None:
        """Until the backlog is empty or enough is ready (``None``), or the name of the limit that was met."""
        backlog, ledger = assignment.backlog, assignment.ledger
        while backlog:
            if self.has_enough:
                return None
            full = self._is_full(assignment)
            if full is not None:
                return full
            record = backlog[0]
            if ledger.is_settled(record.offset):
                ledger.track(record.offset)
                self._tally.passed_over += 1
            else:
                brackets = brackets_in(record.value)
                members = assignment.decoded or decode(record, self.policy.integration, brackets)
                if not ledger.admits(record.offset, len(members)):
                    assignment.decoded = members
                    return "offset map"
                assignment.decoded = None
                self._track(assignment, record, members, brackets, now)
            backlog.popleft()
        return None

    @property
    def has_enough(self) -> bool:
        """Is as much ready as is wanted at once?"""
        return self._enough is not None and self._queues.ready_users >= self._enough and not self.eager

    def _is_full(self, assignment: Assignment) -> str | None:
        """The buffer is; or half of it, and this partition has more than its share: one sick user is not to fill it."""
        policy, queues, letters, partitions = self.policy, self._queues, self._letters, self._sharing
        if not policy.enabled:
            return "disabled"
        if _is_met(policy.buffer_events, queues.events + letters.events, assignment.events, partitions):
            return "buffer events"
        if _is_met(policy.buffer_bytes, queues.bytes + letters.bytes, assignment.bytes, partitions):
            return "buffer bytes"
        return None

    def _track(
        self, assignment: Assignment, record: Record, members: Sequence[Member], brackets: int, now: float
    ) -> None:
        ledger = assignment.ledger
        ledger.track(record.offset, max(len(members), 1))
        if not members:  # an empty envelope: nothing was said, nothing is owed
            assignment.settle(record.offset, 0)
            return
        weight = weight_of(record, len(members), brackets)
        for index, member in enumerate(members):
            if len(members) > 1 and ledger.is_settled(record.offset, index):
                self._tally.passed_over += 1
                continue
            self._tally.consumed[record.topic] += 1
            self._place(assignment, record, index, member, weight, alone=len(members) == 1, now=now)

    def _place(
        self,
        assignment: Assignment,
        record: Record,
        index: int,
        member: Member,
        weight: Weight,
        *,
        alone: bool,
        now: float,
    ) -> None:
        match member:
            case Event():
                verdict = self._routing.verdict(member, now)
                if verdict is None:
                    self._queue(assignment, record, index, member, weight, alone=alone, now=now)
                else:
                    self._pass(assignment, record, index, verdict, now)
            case Malformed(reason, detail, raw):
                rejected = Rejected(reason, detail)
                said = masked(detail, None)
                self._letters.write(
                    DeadLetter(
                        assignment, record, index, rejected, said, raw=raw, in_envelope=not alone, bytes=weight.decoded
                    )
                )
            case Tombstone():
                self._pass(assignment, record, index, Skipped("tombstone"), now)
            case _:  # pragma: no cover
                assert_never(member)

    def _pass(
        self, assignment: Assignment, record: Record, index: int, verdict: Filtered | Skipped, now: float
    ) -> None:
        assignment.settle(record.offset, index)
        self._tally.settle("skipped" if isinstance(verdict, Skipped) else "filtered", verdict.reason)
        self._tally.delivery_latency.observe(max(now - record.timestamp / 1000, 0.0))

    def _queue(
        self,
        assignment: Assignment,
        record: Record,
        index: int,
        event: Event,
        weight: Weight,
        *,
        alone: bool,
        now: float,
    ) -> None:
        user = assignment.users.get(event.key)
        if user is None:
            user = assignment.users[event.key] = User(event.key, assignment)
        self._arrivals += 1
        if user.behind or len(user.waiting) >= UNFOLDED or (alone and self._is_far(user, record)):
            folded = Folded(record, index, self._arrivals, weight.kept, weight.decoded, alone)
            self._queues.fold(user, folded)
            return
        item = Item(user, record, index, event, self._arrivals, weight.decoded, alone)
        if assignment.known_failures:
            self._remember(item, now)
        self._queues.add(item)

    def _is_far(self, user: User, record: Record) -> bool:
        """Does its user fail, or are as many others ready as are wanted at once?

        Not so what failed under an earlier owner: that is to be known as soon as it comes.
        """
        if user.trouble is None and self._queues.ready_users < self.policy.ready_users:
            return False
        return (record.offset, 0) not in user.assignment.known_failures

    def _remember(self, item: Item, now: float) -> None:
        """An event that failed under an earlier owner goes on failing since then."""
        assignment = item.user.assignment
        first = assignment.known_failures.pop((item.record.offset, item.member), None)
        if first is not None and item.user.trouble is None:
            item.user.trouble = Trouble(first=float(first), last=now)
            item.attempts = 1  # at least

    def unfold(self, user: User) -> None:
        """Get a user's next events ready. One envelope may hold many of them: it is decoded once."""
        if len(user.waiting) > REFILL_AT:
            return
        room = UNFOLDED - len(user.waiting)
        near = user.behind[:room]
        del user.behind[:room]
        for _, of_one in groupby(near, key=lambda folded: folded.record.offset):
            together = list(of_one)
            members = decode(together[0].record, self.policy.integration)
            for each in together:
                event = members[each.member]
                assert isinstance(event, Event)  # noqa: S101  (it was one when it came)
                item = Item(user, each.record, each.member, event, each.arrival, each.share, each.alone)
                self._queues.unfold(item, each)


def _is_met(limit: int, taken: int, own: int, partitions: int) -> bool:
    return taken >= limit or (2 * taken >= limit and partitions * own >= limit)
