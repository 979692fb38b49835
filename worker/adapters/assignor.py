"""Which member of the group gets which partition.

kafka-python's cooperative-sticky assignor, and one rule more: a retry topic is not distributed. Its partitions go where
the partitions of its source go, because a user's diverted events and its new ones must be seen by one worker.

The name and the rule can never change: the name is what members of a group agree on, and a group whose members carry
different names, or read a name differently, cannot rebalance. So they are here from the first release, before any retry
topic is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any, Final

from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.protocol.consumer.metadata import ConsumerProtocolAssignment

NAME: Final = "cooperative-sticky-with-retries"


def retry_prefix(group: str) -> str:
    """``<group>.retry.``: what the retry topics of a destination's consumer group begin with; the source follows."""
    return f"{group}.retry."


class Assignor(CooperativeStickyAssignor):  # type: ignore[misc]  # kafka-python has no types
    """One for each consumer. ``group`` is the consumer group, ``<group>.<destination>`` of the settings.

    ``unassigned`` is how many partitions the last round led by this member gave to nobody: those on their way from one
    member to another, which another round must follow, or those of a topic whose metadata was missing. ``rounds``
    counts the rounds that this member led.
    """

    name = NAME

    def __init__(self, group: str) -> None:
        super().__init__()
        self._retries = retry_prefix(group)
        self.rounds = 0
        self.unassigned = 0

    def assign(self, cluster: Any, members: Sequence[Any]) -> dict[str, Any]:
        """The assignment of each member, by its id; called at the member that leads the group."""
        sources = super().assign(
            _Sources(cluster, self._retries), [self._without_retries(member) for member in members]
        )
        subscribed = {member.member_id: frozenset(member.metadata.topics) for member in members}
        self.rounds += 1
        self.unassigned = self._left_over(cluster, frozenset().union(*subscribed.values()), sources.values())
        return {
            member: self._with_retries(cluster, subscribed[member], assignment.assigned_partitions)
            for member, assignment in sources.items()
        }

    def forget(self) -> None:
        """The partitions are lost: what another member may own by now must not be claimed as owned at the next join."""
        self.member_assignment = None

    def _without_retries(self, member: Any) -> SimpleNamespace:
        metadata = member.metadata
        owned = getattr(metadata, "owned_partitions", None) or ()
        return SimpleNamespace(
            member_id=member.member_id,
            metadata=SimpleNamespace(
                topics=[topic for topic in metadata.topics if not self._is_retry(topic)],
                generation_id=metadata.generation_id,
                owned_partitions=[topic for topic in owned if not self._is_retry(topic.topic)],
            ),
        )

    def _with_retries(
        self, cluster: Any, subscribed: frozenset[str], sources: Iterable[tuple[str, Sequence[int]]]
    ) -> Any:
        given = {topic: list(partitions) for topic, partitions in sources}
        for topic, partitions in list(given.items()):
            retry = self._retries + topic
            # Fewer than the source's, where that has grown: the rest of its users are retried in place until then.
            existing = cluster.partitions_for_topic(retry) or frozenset()
            following = [partition for partition in partitions if partition in existing]
            if retry in subscribed and following:
                given[retry] = following
        return ConsumerProtocolAssignment(self.version, sorted(given.items()), b"")

    def _left_over(self, cluster: Any, topics: frozenset[str], assignments: Iterable[Any]) -> int:
        # A topic without metadata counts as one partition: it has at least that.
        sizes = [len(cluster.partitions_for_topic(topic) or (0,)) for topic in topics if not self._is_retry(topic)]
        given = sum(len(partitions) for each in assignments for _, partitions in each.assigned_partitions)
        return sum(sizes) - given

    def _is_retry(self, topic: str) -> bool:
        return bool(topic.startswith(self._retries))


class _Sources:
    """The cluster without retry topics, as far as the sticky assignor looks."""

    def __init__(self, cluster: Any, retries: str) -> None:
        self._cluster = cluster
        self._retries = retries

    def topics(self) -> set[str]:
        return {topic for topic in self._cluster.topics() if not topic.startswith(self._retries)}

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        found: set[int] | None = self._cluster.partitions_for_topic(topic)
        return found
