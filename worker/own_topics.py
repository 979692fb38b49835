"""What topics of our own must be like: dead letters fit in, with their headers, and outlive a holiday."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from worker.adapters.cluster import TopicFacts
from worker.config import DestinationSettings

HEADERS: Final = 64 << 10  # bytes that a dead letter may be larger than the record it was, and a replay than its letter
DAY: Final = 86_400_000  # milliseconds
KEPT: Final = 30 * DAY
# As long as Kafka keeps the commits of a group that stands still: what was replayed before they went is not sent again.
REPLAYS_KEPT: Final = 7 * DAY
BROKER_S_OWN: Final = -1  # replication: whatever the broker does by default


@dataclass(frozen=True, slots=True)
class Wish:
    """A topic to be created; ``settings`` are Kafka's. ``too_small``: what happens where its records may be smaller."""

    name: str
    partitions: int
    too_small: str
    settings: Mapping[str, str] = field(default_factory=dict)
    replication: int = BROKER_S_OWN

    @property
    def message_bytes(self) -> int:
        """What it must take."""
        return int(self.settings["max.message.bytes"])

    def command(self, bootstrap_servers: Collection[str]) -> str:
        """What a person with the right to would type."""
        parts = [
            "kafka-topics.sh",
            f"--bootstrap-server {','.join(bootstrap_servers)}",
            f"--create --topic {self.name} --partitions {self.partitions}",
            *(f"--config {name}={value}" for name, value in self.settings.items()),
        ]
        return " ".join(parts)


def wishes(destination: DestinationSettings, sources: Collection[TopicFacts]) -> tuple[Wish, ...]:
    """The topics that a destination needs."""
    return dead_letters(destination.dead_letters, sources), replay(destination.replay, sources)


def dead_letters(name: str, sources: Collection[TopicFacts]) -> Wish:
    """As many partitions as the largest source has, thirty days, and room for the headers."""
    settings = {
        "cleanup.policy": "delete",
        "retention.ms": str(KEPT),
        "max.message.bytes": str(_largest(sources) + HEADERS),
    }
    return Wish(name, _partitions(sources), "dead letters may lose their value", settings)


def replay(name: str, sources: Collection[TopicFacts]) -> Wish:
    """As many partitions as there are for dead letters, a week, and room for a dead letter with one header more."""
    settings = {
        "cleanup.policy": "delete",
        "retention.ms": str(REPLAYS_KEPT),
        "segment.ms": str(DAY),
        "max.message.bytes": str(_largest(sources) + 2 * HEADERS),
    }
    return Wish(name, _partitions(sources), "not every dead letter can be replayed", settings)


def _partitions(sources: Collection[TopicFacts]) -> int:
    return max((source.partitions for source in sources), default=1)


def _largest(sources: Collection[TopicFacts]) -> int:
    return max((source.max_message_bytes for source in sources), default=0)
