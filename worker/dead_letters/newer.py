"""Whose dead letters are out of date: a newer event of the same user went to the destination meanwhile.

A replayed event is in order with other replayed ones, not with what came after it in the source.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from mappings.contract import Event
from worker.core.decode import decode
from worker.core.letter_headers import Origin, origin_of
from worker.core.policy import Policy
from worker.core.records import Record, TopicPartition
from worker.core.routing import Routing
from worker.dead_letters.letter import Letter, Place
from worker.dead_letters.settled import Settled


class _Waiting(NamedTuple):
    """A letter for which no newer event was seen yet."""

    offset: int
    member: int
    place: Place


class Newer:
    """Sees the letters first, then the source from :attr:`begins` on; :attr:`outdated` is what it found.

    ``dead``: where other dead letters first were; those were not sent either.
    """

    def __init__(self, policy: Policy, settled: Settled) -> None:
        self.outdated: set[Place] = set()
        self.dead: set[tuple[str, int, int, int]] = set()
        self._integration = policy.integration
        self._routing = Routing(policy)
        self._settled = settled
        self._waiting: dict[TopicPartition, dict[str, list[_Waiting]]] = defaultdict(lambda: defaultdict(list))

    def letter(self, letter: Letter, key: str) -> None:
        """One that is to be replayed; ``key`` is its user."""
        origin = letter.origin
        waiting = self._waiting[TopicPartition(origin.topic, origin.partition)]
        waiting[key].append(_Waiting(origin.offset, origin.member, letter.place))

    def died(self, origin: Origin) -> None:
        """An event there is a dead letter."""
        self.dead.add(origin[:4])

    @property
    def begins(self) -> Mapping[TopicPartition, int]:
        """Where to begin to read each partition of the source."""
        return {
            partition: min(each.offset for letters in users.values() for each in letters)
            for partition, users in self._waiting.items()
            if users
        }

    def see(self, record: Record) -> None:
        """The next record of the source."""
        partition = TopicPartition(record.topic, record.partition)
        users = self._waiting.get(partition)
        if not users:
            return
        for index, event in enumerate(decode(record, self._integration)):
            if isinstance(event, Event) and event.key in users and self._was_sent(partition, record, index, event):
                here = (record.offset, index)
                older = [each for each in users[event.key] if (each.offset, each.member) < here]
                self.outdated.update(each.place for each in older)
                users[event.key] = [each for each in users[event.key] if each not in older]
                if not users[event.key]:
                    del users[event.key]

    def _was_sent(self, partition: TopicPartition, record: Record, index: int, event: Event) -> bool:
        return (
            self._settled.has(partition, record.offset, index)
            and origin_of(record).after(index)[:4] not in self.dead
            and self._routing.verdict(event, event.time) is None
        )
