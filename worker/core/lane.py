"""One lane as a state machine: partitions, records, answers, acknowledgements and the time go in; effects come out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal

from mappings.contract import Destination, Response
from worker.core.assembly import assemble
from worker.core.commit_metadata import decode
from worker.core.effects import Effect, Note, ReadSecrets, Send
from worker.core.faults import Fault
from worker.core.holds.states import State
from worker.core.letters import DeadLetter, Produce
from worker.core.offset_map import NOTHING
from worker.core.parking import park
from worker.core.parts import PARTS, Parts
from worker.core.policy import Policy
from worker.core.records import Assigned, Position, Record, TopicPartition
from worker.core.retry import Random
from worker.core.standing import standing
from worker.core.tally import Status

ADMIT_AFTER: Final = 64  # settled events: admission looks at every partition, so not after each one


class Lane:
    """Everything that one destination is served by, without the wires. Times are Unix seconds that never go back.

    The order of calls is the caller's, but for one rule: after any input, ``take`` until it gives less than asked for.
    """

    def __init__(
        self,
        destination: Destination[Any],
        settings: object,
        policy: Policy,
        *,
        random: Random,
        version: str,
        commit_interval: float = 0.5,
        secrets: Iterable[str] = (),
        parts: Parts = PARTS,
    ) -> None:
        of = assemble(
            destination,
            settings,
            policy,
            random=random,
            version=version,
            commit_interval=commit_interval,
            parts=parts,
        )
        self.tally, self.notes = of.tally, of.notes
        self.lease_until = float("inf")  # somebody else may own the partitions from then on: whoever knows, says it
        self._queues, self._letters, self._commits = of.queues, of.letters, of.commits
        self._gate, self._intake, self._settling = of.gate, of.intake, of.settling
        self._probes, self._turns, self._delivery = of.probes, of.turns, of.delivery
        self._departures, self._chronicle, self._pacing = of.departures, of.chronicle, of.pacing
        self._next = of.turns.take if of.pacing is None else of.pacing.take
        self._settling.secrets = tuple(secrets)
        self._stands: Literal["lease", "commit"] | None = None  # why nothing is taken although nothing holds
        self._admitted_at = 0  # how many events had left when admission was last tried

    # --- Kafka

    def assign(self, partitions: Iterable[Assigned]) -> None:
        """These partitions are ours from now on. Call it before any record of theirs."""
        for assigned in partitions:
            self.lose([assigned.partition])  # it may be ours already, at another place (retention took the rest)
            metadata = decode(assigned.position.metadata, assigned.position.offset)
            if metadata is None:
                self.tally.metadata_ignored += 1
                where = f"{assigned.partition.topic}/{assigned.partition.partition}"
                self.notes.append(Note("warning", "commit metadata ignored: damaged or unknown", fields={"at": where}))
            settled = NOTHING if metadata is None else metadata.settled
            assignment = self._intake.assign(assigned.partition, assigned.position.offset, settled)
            assignment.start = None if metadata is None else metadata.start
            assignment.topic_id = assigned.topic_id
            if metadata is not None:
                assignment.known_failures = {(each.offset, each.member): each.first for each in metadata.failing}
                if metadata.at_risk:
                    self.tally.possibly_repeated["crash"] += metadata.at_risk

    def receive(
        self,
        batch: Mapping[TopicPartition, Sequence[Record]],
        positions: Mapping[TopicPartition, int],
        now: float,
    ) -> None:
        """One poll: its records, and the consumer's positions after it."""
        self._intake.receive(batch, positions, now)

    def retention_took(self, partition: TopicPartition, first: int, until: int) -> None:
        """Kafka deleted the records from ``first`` to before ``until`` unread; reading goes on at ``until``.

        What was settled ahead before is not lost.
        """
        assignment = self._intake.assignments.get(partition)
        lost = until - first if assignment is None else assignment.ledger.unsettled_between(first, until)
        self.tally.lost_to_retention[partition.topic] += lost
        fields = {"at": f"{partition.topic}/{partition.partition}", "first": first, "until": until, "events": lost}
        self.notes.append(Note("error", "lost to retention", fields=fields))

    def share(self, topics: Mapping[str, int], now: float) -> None:
        """How many partitions each topic has: this worker's part of them is its part of the destination's rate."""
        if self._pacing is not None:
            self._pacing.pace.share(self._intake.assignments, topics, now)

    def paused(self) -> frozenset[TopicPartition]:
        """The partitions that are to be paused now."""
        return self._intake.backlogged

    def commit(self, now: float) -> Mapping[TopicPartition, Position]:
        """What to commit now; empty: nothing. One at a time: the next only after ``committed``."""
        return self._commits.due(self._intake.assignments.values(), now)

    def committed(self, positions: Iterable[TopicPartition], error: str | None) -> None:
        """The answer to ``commit``: ``None``, or the error's name."""
        assignments = self._intake.assignments
        self._commits.answered([assignments[one] for one in positions if one in assignments], error)

    def revoke(self, partitions: Iterable[TopicPartition]) -> None:
        """Nothing new is begun for these; ``drained`` tells when their open flows are done."""
        for partition in partitions:
            assignment = self._intake.assignments.get(partition)
            if assignment is not None:
                assignment.leaving = True
                assignment.backlog.clear()

    def drained(self, partitions: Iterable[TopicPartition]) -> bool:
        """Awake flows are finished and dead letters acknowledged. Sleeping ones are not waited for."""
        leaving = [self._intake.assignments[one] for one in partitions if one in self._intake.assignments]
        return all(self._departures.drained(one, stands=self._stands is not None) for one in leaving)

    def release(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, Position]:
        """The partitions leave, drained or not: their last positions, to be committed."""
        leaving = [one for one in partitions if one in self._intake.assignments]
        last = {one: self._commits.position(self._intake.assignments[one], final=True) for one in leaving}
        self._drop(leaving, lost=False)
        return last

    def cut(self, partitions: Iterable[TopicPartition]) -> None:
        """The bound of a drain: nothing more is sent for these. Close their connections, answer each as ``CUT``."""
        for partition in partitions:
            assignment = self._intake.assignments.get(partition)
            if assignment is not None:
                self._departures.cut(assignment)

    def lose(self, partitions: Iterable[TopicPartition]) -> None:
        """The partitions are somebody else's: nothing of theirs is committed, sent or settled any more."""
        self._drop(partitions, lost=True)

    def _drop(self, partitions: Iterable[TopicPartition], *, lost: bool) -> None:
        for partition in partitions:
            assignment = self._intake.assignments.pop(partition, None)
            if assignment is None:
                continue
            self._intake.forget(partition)
            if self._pacing is not None:
                self._pacing.pace.drop(partition)
            self._departures.leave(assignment, lost=lost)

    # --- HTTP

    def take(self, now: float, most: int = 1) -> list[Effect]:
        """What is to be sent now; less than the ``most`` that were asked for: nothing before the next input, or
        ``wake_at``. A wish to read the secrets comes last: answer it, and ask again.
        """
        self._admit(now)
        self._stands = "lease" if now >= self.lease_until else "commit" if self._commits.stalled(now) else None
        effects: list[Effect] = []
        while self._stands is None and len(effects) < most:
            effect = self._next(now)
            if effect is None and self._admit(now):  # nobody was ready after all
                effect = self._next(now)
            if effect is None:
                break
            effects.append(effect)
            if isinstance(effect, ReadSecrets):
                break
        self._turns.filled = self._turns.open
        self._after(now)
        return effects

    def answer(self, answers: Iterable[tuple[Send, Response | Fault]], now: float) -> None:
        """What came of some ``Send``. Every one is answered, once."""
        for send, answer in answers:
            self._delivery.answer(send, answer, now)
        self._after(now)

    def secrets(self, settings: object, secrets: Iterable[str], now: float) -> None:
        """The answer to ``ReadSecrets``: the settings as they are now, and the texts to be masked."""
        self._settling.secrets = tuple(secrets)
        self._turns.use(settings)
        self._probes.secrets_read()
        self._after(now)

    # --- dead letters

    def produces(self, now: float) -> Iterator[Produce]:
        """The dead letters to be written now."""
        return iter(()) if now >= self.lease_until else self._letters.due(now)

    def acknowledged(self, letter: DeadLetter, now: float) -> None:
        """The broker has it."""
        self._settling.acknowledged(letter, now)

    def unacknowledged(self, letter: DeadLetter, now: float, *, too_large: bool, why: str) -> None:
        """The broker does not have it: it is written again later, and nothing is settled until then."""
        if not letter.assignment.gone:
            self.notes.append(Note("warning", "dead letter not written", letter.record, fields={"why": why}))
        self._letters.failed(letter, now, too_large=too_large)

    # --- time and standing

    def tick(self, now: float) -> None:
        """Time has passed: sleepers wake."""
        if not self._gate.held:  # a probe takes whom it wants; the others wake when the lane opens
            self._queues.wake(now)
        self._chronicle.tick(now)

    def wake_at(self, now: float) -> float | None:
        """When ``tick`` is due at the latest; ``None``: only an input can change anything."""
        paced = None if self._pacing is None else self._pacing.wake_at(now)
        times = (self._queues.next_wake, self._turns.wake_at(now), self._letters.next_try, paced)
        return min((time for time in times if time is not None and time > now), default=None)

    def standing(self) -> Status:
        """How the lane stands, for metrics and people."""
        why = "rate" if self._stands is None and self._pacing is not None and self._pacing.limits else self._stands
        return standing(self._intake, self._letters, self._gate, self._queues, self.tally, (why,) if why else ())

    def park(self) -> int:
        """A person's decision: the head events of failing users become dead letters. How many they are."""
        users = [user for one in self._intake.assignments.values() for user in one.users.values()]
        return sum(park(user, self._turns) for user in users)

    @property
    def state(self) -> State:
        """Whether it flows, or why it holds."""
        return self._gate.state

    @property
    def idle(self) -> bool:
        """Nothing is pending: all that was consumed is settled."""
        return not (self._queues.events or self._letters.waiting or self._intake.backlogged)

    def _admit(self, now: float) -> bool:
        """Let waiting records in: once they are needed, a good number of events has left, or nobody is ready."""
        intake, queues = self._intake, self._queues
        left = self._settling.settled + self.tally.released
        intake.eager = self._gate.held  # a probe may need any of them
        if intake.waits and (intake.eager or 2 * queues.ready_users < intake.policy.ready_users):
            pass
        elif intake.limited_by:
            since = left - self._admitted_at
            if since < ADMIT_AFTER and (not since or queues.any_ready):
                return False
        else:
            return False
        self._admitted_at = left
        intake.admit(now)
        return True

    @property
    def hungry(self) -> bool:
        """The next poll is wanted: of what the last ones brought, little waits for its turn to be decoded."""
        return self._intake.hungry

    def _after(self, now: float) -> None:
        """Changes are told; and where the lane opened, those wake whose time came meanwhile."""
        if self._chronicle.tell(now) and not self._gate.held:
            self._queues.wake(now)
