"""Does this cluster keep what travels with a commit? Some that speak Kafka's protocol drop it without a word."""

from __future__ import annotations

from typing import Final

from kafka import KafkaAdminClient, OffsetAndMetadata
from kafka import TopicPartition as KafkaPartition
from kafka.errors import AuthorizationError, KafkaError

from worker.adapters import cluster
from worker.adapters.cluster import KafkaRefused
from worker.adapters.connection import Connection
from worker.core.records import TopicPartition

SECONDS: Final = 15.0
WRITTEN: Final = "segment-relay check"


def keeps_metadata(connection: Connection, topic: str, group: str) -> bool:
    """Commit in ``group``, read it back, delete the group. It must be nobody's. Raises ``KafkaRefused``."""
    cluster.group_commits(connection, group)  # waits until there is a coordinator
    try:
        admin = KafkaAdminClient(**connection.options(), bootstrap_timeout_ms=SECONDS * 1000)
        try:
            _commit(admin, topic, group)
            found = cluster.group_commits(connection, group).get(TopicPartition(topic, 0))
            return found is not None and found.metadata == WRITTEN
        finally:
            _delete(admin, group)
            admin.close()
    except AuthorizationError as error:
        raise KafkaRefused(f"Kafka would not take a commit of the group {group}: this user lacks the right") from error
    except KafkaError as error:
        raise KafkaRefused(f"Kafka did not take a commit of the group {group}: {type(error).__name__}") from error


def _commit(admin: KafkaAdminClient, topic: str, group: str) -> None:
    partition = KafkaPartition(topic, 0)
    answers = admin.alter_group_offsets(group, {partition: OffsetAndMetadata(0, WRITTEN, -1)})
    error = answers[partition]  # an error's class, not raised
    if error.errno:
        raise error


def _delete(admin: KafkaAdminClient, group: str) -> None:
    """Without the right to, it stays, and Kafka forgets it after its retention of offsets."""
    try:
        admin.delete_groups([group])
    except KafkaError:
        return
