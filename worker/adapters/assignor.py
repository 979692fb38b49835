"""Which member of the group gets which partition.

kafka-python's cooperative-sticky assignor, and one rule more: topics of our own are not distributed. Their partitions
go where the partitions of a source go. A retry topic's, because a user's diverted events and its new ones must be seen
by one worker. The replay topic's, so that it does not weigh against the sources, and so that where the records' key is
the user, a replayed event and a new one of the same user meet in one worker, which has one flow open for both.

The name and the rule can never change: the name is what members of a group agree on, and a group whose members carry
different names, or read a name differently, cannot rebalance. So they are here from the first release, before any retry
topic is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, Final

from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.protocol.consumer.metadata import ConsumerProtocolAssignment

NAME: Final = "cooperative-sticky-with-retries"


def retry_prefix(group: str) -> str:
    """``<group>.retry.``: what the retry topics of a destination's consumer group begin with; the source follows."""
    return f"{group}.retry."


def replay_topic(group: str) -> str:
    """The topic from which a destination's consumer group takes dead letters once more."""
    return f"{group}.replay"


class Assignor(CooperativeStickyAssignor):  # type: ignore[misc]  # kafka-python has no types
    """One for each consumer. ``group`` is the consumer group, ``<group>.<destination>`` of the settings.

    ``unassigned`` is how many partitions the last round led by this member gave to nobody: those on their way from one
    member to another, which another round must follow, or those of a topic whose metadata was missing. ``rounds``
    counts the rounds that this member led. ``joined``: a round gave this member its part, even if that is nothing (of
    which kafka-python tells no listener).
    """

    name = NAME

    def __init__(self, group: str) -> None:
        super().__init__()
        self._retries = retry_prefix(group)
        self._replay = replay_topic(group)
        self.rounds = 0
        self.unassigned = 0
        self.joined = False

    def on_assignment(self, assignment: Any, generation: int) -> None:
        """What a round gave to this member."""
        super().on_assignment(assignment, generation)
        self.joined = True

    def assign(self, cluster: Any, members: Sequence[Any]) -> dict[str, Any]:
        """The assignment of each member, by its id; called at the member that leads the group."""
        sources = super().assign(_Sources(cluster, self._is_ours), [self._without_ours(member) for member in members])
        subscribed = {member.member_id: frozenset(member.metadata.topics) for member in members}
        given = {member: dict(each.assigned_partitions) for member, each in sources.items()}
        for member, partitions in self._replays(cluster, members, given).items():
            given[member][self._replay] = partitions
        self.rounds += 1
        self.unassigned = self._left_over(cluster, frozenset().union(*subscribed.values()), given.values())
        return {member: self._with_retries(cluster, subscribed[member], each) for member, each in given.items()}

    def forget(self) -> None:
        """The partitions are lost: what another member may own by now must not be claimed as owned at the next join."""
        self.member_assignment = None

    def _replays(
        self, cluster: Any, members: Sequence[Any], given: Mapping[str, Mapping[str, Sequence[int]]]
    ) -> dict[str, list[int]]:
        """Who gets which partitions of the replay topic: of each number, who has that of the first source that has it.

        Nobody yet, where that is on its way to another member, or where another member has not let go of it.
        """
        owners = _owners(given)
        claimed = {place: member.member_id for member in members for place in _claims(member)}
        readers = sorted(member.member_id for member in members if self._replay in member.metadata.topics)
        existing = {topic: cluster.partitions_for_topic(topic) or () for topic in sorted(_subscribed(members))}
        found: dict[str, list[int]] = defaultdict(list)
        for number in sorted(existing.get(self._replay, ())):
            sources = (topic for topic, numbers in existing.items() if number in numbers and not self._is_ours(topic))
            followed = next(sources, None)
            heir = readers[number % len(readers)] if followed is None else owners.get((followed, number), "")
            if heir in readers and claimed.get((self._replay, number), heir) == heir:
                found[heir].append(number)
        return found

    def _without_ours(self, member: Any) -> SimpleNamespace:
        metadata = member.metadata
        owned = getattr(metadata, "owned_partitions", None) or ()
        return SimpleNamespace(
            member_id=member.member_id,
            metadata=SimpleNamespace(
                topics=[topic for topic in metadata.topics if not self._is_ours(topic)],
                generation_id=metadata.generation_id,
                owned_partitions=[topic for topic in owned if not self._is_ours(topic.topic)],
            ),
        )

    def _with_retries(self, cluster: Any, subscribed: frozenset[str], sources: Mapping[str, Sequence[int]]) -> Any:
        given = {topic: list(partitions) for topic, partitions in sources.items()}
        for topic, partitions in list(given.items()):
            retry = self._retries + topic
            # Fewer than the source's, where that has grown: the rest of its users are retried in place until then.
            existing = cluster.partitions_for_topic(retry) or frozenset()
            following = [partition for partition in partitions if partition in existing]
            if retry in subscribed and following:
                given[retry] = following
        return ConsumerProtocolAssignment(self.version, sorted(given.items()), b"")

    def _left_over(
        self, cluster: Any, topics: frozenset[str], assignments: Iterable[Mapping[str, Sequence[int]]]
    ) -> int:
        # A topic without metadata counts as one partition: it has at least that.
        sizes = [len(cluster.partitions_for_topic(topic) or (0,)) for topic in topics if not self._is_retry(topic)]
        given = sum(len(partitions) for each in assignments for partitions in each.values())
        return sum(sizes) - given

    def _is_retry(self, topic: str) -> bool:
        return topic.startswith(self._retries)

    def _is_ours(self, topic: str) -> bool:
        return topic == self._replay or self._is_retry(topic)


def _owners(given: Mapping[str, Mapping[str, Sequence[int]]]) -> dict[tuple[str, int], str]:
    return {
        (topic, number): member
        for member, topics in given.items()
        for topic, numbers in topics.items()
        for number in numbers
    }


def _claims(member: Any) -> Iterator[tuple[str, int]]:
    """What a member says that it still owns."""
    for each in getattr(member.metadata, "owned_partitions", None) or ():
        for number in each.partitions:
            yield each.topic, number


def _subscribed(members: Sequence[Any]) -> frozenset[str]:
    return frozenset(topic for member in members for topic in member.metadata.topics)


class _Sources:
    """The cluster without topics of our own, as far as the sticky assignor looks."""

    def __init__(self, cluster: Any, is_ours: Callable[[str], bool]) -> None:
        self._cluster = cluster
        self._is_ours = is_ours

    def topics(self) -> set[str]:
        return {topic for topic in self._cluster.topics() if not self._is_ours(topic)}

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        found: set[int] | None = self._cluster.partitions_for_topic(topic)
        return found
