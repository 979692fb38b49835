"""What topics of our own must be like: dead letters fit in, with their headers, and outlive a holiday."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from worker.adapters.cluster import TopicFacts

HEADERS: Final = 64 << 10  # bytes that a dead letter may be larger than the record it was
DAY: Final = 86_400
KEPT: Final = 30 * DAY * 1000  # milliseconds
BROKER_S_OWN: Final = -1  # replication: whatever the broker does by default


@dataclass(frozen=True, slots=True)
class Wish:
    """A topic to be created; ``settings`` are Kafka's."""

    name: str
    partitions: int
    settings: Mapping[str, str] = field(default_factory=dict)
    replication: int = BROKER_S_OWN

    def command(self, bootstrap_servers: Collection[str]) -> str:
        """What a person with the right to would type."""
        parts = [
            "kafka-topics.sh",
            f"--bootstrap-server {','.join(bootstrap_servers)}",
            f"--create --topic {self.name} --partitions {self.partitions}",
            *(f"--config {name}={value}" for name, value in self.settings.items()),
        ]
        return " ".join(parts)


def dead_letters(name: str, sources: Collection[TopicFacts]) -> Wish:
    """As many partitions as the largest source has, thirty days, and room for the headers."""
    settings = {
        "cleanup.policy": "delete",
        "retention.ms": str(KEPT),
        "max.message.bytes": str(least_message_bytes(sources)),
    }
    return Wish(name, max((source.partitions for source in sources), default=1), settings)


def least_message_bytes(sources: Collection[TopicFacts]) -> int:
    """What a topic of dead letters must take, so that no record of the sources is too large for it."""
    return max((source.max_message_bytes for source in sources), default=0) + HEADERS
