"""Bugs, planted on purpose: each is a part of the lane, or of the model of Kafka, that does one thing wrong.

The simulation has to find every one of them. A rule of the design whose bug it does not find is not tested.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from random import Random
from typing import Any

from tests.simulation.destination import DESTINATION, Account
from tests.simulation.kafka import Kafka
from tests.simulation.world import LaneOf, World, a_lane
from worker.core.commit_metadata import Metadata, decode, encode
from worker.core.commits import Commits
from worker.core.conversation import Conversation
from worker.core.holds.confirmation import Confirmation, Kind
from worker.core.items import Assignment, User
from worker.core.lane import Lane
from worker.core.letters import DeadLetter, Produce
from worker.core.lookup_cache import LookupCache
from worker.core.offset_map import OffsetMap
from worker.core.parts import Parts
from worker.core.policy import Policy
from worker.core.probes import Probes
from worker.core.queues import Queues
from worker.core.records import Assigned, Position, TopicPartition
from worker.core.retry import Trouble
from worker.core.starts import StartAt
from worker.core.troubles import Troubles


class SettlesBeforeTheAcknowledgement(Lane):
    def produces(self, now: float) -> Iterator[Produce]:
        for produce in super().produces(now):
            super().acknowledged(produce.letter, now)
            yield produce

    def acknowledged(self, letter: DeadLetter, now: float) -> None:
        pass

    def unacknowledged(self, letter: DeadLetter, now: float, *, too_large: bool, why: str) -> None:
        pass


class CommitsTheHighestOffset(Commits):
    def position(self, assignment: Assignment, *, final: bool = False) -> Position:
        said = super().position(assignment, final=final)
        highest = max(assignment.position, said.offset)
        return Position(highest, encode(Metadata(start=assignment.start), highest))


class DropsTheLedgerBeforeTheDrain(Lane):
    def revoke(self, partitions: Iterable[TopicPartition]) -> None:
        leaving = [one for one in partitions if one in self._intake.assignments]
        self._said = {one: self._commits.position(self._intake.assignments[one]) for one in leaving}
        super().revoke(leaving)

    def release(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, Position]:
        super().release(partitions)
        return self._said


class ForgetsWhoIsBeingServed(Queues):
    def grab(self, user: User) -> bool:
        self.release(user.key)
        return super().grab(user)


class ProbesWithTheOldest(Probes):
    def _rank(self, one: Conversation | User) -> tuple[bool, bool, int, int]:
        user = one if isinstance(one, User) else one.user
        assert user.head is not None
        return False, False, 0, user.head.arrival


def _with_map(position: Position, change: Callable[[OffsetMap], OffsetMap]) -> Position:
    metadata = decode(position.metadata, position.offset)
    assert metadata is not None
    return Position(position.offset, encode(replace(metadata, settled=change(metadata.settled)), position.offset))


class CutsTheMap(Commits):
    def position(self, assignment: Assignment, *, final: bool = False) -> Position:
        return _with_map(super().position(assignment, final=final), self._cut)

    def _cut(self, settled: OffsetMap) -> OffsetMap:
        if len(settled.holes) < 3:
            return settled
        stop = settled.holes[2]
        return OffsetMap(stop, settled.holes[:2], {at: bits for at, bits in settled.partly.items() if at < stop})


class MapsWithoutMembers(Commits):
    def position(self, assignment: Assignment, *, final: bool = False) -> Position:
        return _with_map(super().position(assignment, final=final), lambda settled: replace(settled, partly={}))


class RejectsAtTheFirstWitness(Trouble):
    def refused(self, now: float, *, witnessed: bool) -> bool:
        super().refused(now, witnessed=witnessed)
        return self.refusals >= 1


class RejectsAtTheFirstWitnessed403(Troubles):
    trouble = RejectsAtTheFirstWitness


class AsksAnyOperation(Confirmation):
    def refused(self, kind: Kind, _operation: str, user: object, *, sent: float, now: float, alone: bool) -> bool:
        return super().refused(kind, "any", user, sent=sent, now=now, alone=alone)


class ConfirmsByAnotherOperation(Troubles):
    confirmation = AsksAnyOperation


class KeepsTheCacheOverAMove(LookupCache):
    def disown(self, owner: object) -> None:
        pass


class DoesNotCommitTheStart(Kafka):
    def assign(self, partition: TopicPartition, setting: StartAt | None, now: float) -> Assigned:
        known = partition in self.commits
        assigned = super().assign(partition, setting, now)
        if not known:
            del self.commits[partition]
        return assigned


class BeginsAGainedPartitionAtItsEnd(Kafka):
    def assign(self, partition: TopicPartition, setting: StartAt | None, now: float) -> Assigned:
        if setting == "latest" and partition not in self.commits:
            end = self.ends[partition]
            self.commits[partition] = Position(end, encode(Metadata(start=now), end))
        return super().assign(partition, setting, now)


def _lane(of: type[Lane]) -> dict[str, Any]:
    def lane_of(account: Account, policy: Policy, random: Random) -> Lane:
        return a_lane(account, policy, random, of=of)

    return {"lane_of": lane_of}


def _part(**parts: Any) -> dict[str, Any]:
    def lane_of(account: Account, policy: Policy, random: Random) -> Lane:
        return Lane(DESTINATION, account, policy, random=random.random, version="1", parts=Parts(**parts))

    made: LaneOf = lane_of
    return {"lane_of": made}


BUGS: dict[str, Callable[[], dict[str, Any]]] = {
    "settle before the acknowledgement": lambda: _lane(SettlesBeforeTheAcknowledgement),
    "commit the highest offset": lambda: _part(commits=CommitsTheHighestOffset),
    "drop the ledger before the drain": lambda: _lane(DropsTheLedgerBeforeTheDrain),
    "forget who is being served": lambda: _part(queues=ForgetsWhoIsBeingServed),
    "probe with the oldest": lambda: _part(probes=ProbesWithTheOldest),
    "cut the map": lambda: _part(commits=CutsTheMap),
    "a map without members": lambda: _part(commits=MapsWithoutMembers),
    "reject at the first witnessed 403": lambda: _part(troubles=RejectsAtTheFirstWitnessed403),
    "the confirmation asked of another operation": lambda: _part(troubles=ConfirmsByAnotherOperation),
    "the start not committed": lambda: {"kafka": DoesNotCommitTheStart()},
    "the cache kept over a move": lambda: _part(cache=KeepsTheCacheOverAMove),
    "latest for a partition that the topic gained": lambda: {"kafka": BeginsAGainedPartitionAtItsEnd()},
}


def a_world_with(bug: str, seed: int) -> World:
    return World(seed, **BUGS[bug]())
