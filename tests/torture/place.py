"""Where a round's workers live: a topic, a group and secrets of their own; and what is there to judge them by."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.torture.commit_log import TOPIC, commits
from tests.torture.evidence import came, failures, letters, logged, overlaps, records
from tests.torture.judge import Commit, Incident, Verdict, judge
from tests.torture.kafka_cluster import PARTITIONS, Kafka
from tests.torture.schedule import SESSION
from tests.torture.vendors import Vendors
from tests.whole.topics import Topics
from tests.whole.worker import Tables, Worker, kafka, wigzo, wootric
from worker.sandbox.exchange import Destination

SECRETS: Final[Mapping[Destination, str]] = {"wigzo": "sandbox-org-token", "wootric": "sandbox-client-secret"}
CONCURRENCY: Final = 64  # the stand-ins are one process: with 512 of each worker they would answer too late
# Short, so that a stop's bound is reached now and then.
OPTIONS: Final[Mapping[str, object]] = {"drain_timeout": 8, "start_timeout": 60}


@dataclass(frozen=True, slots=True)
class Place:
    kafka: Kafka
    vendors: Vendors
    folder: Path
    destinations: Sequence[Destination]
    topic: str
    group: str
    session: float

    def secret(self, destination: Destination, secret: str) -> None:
        """As an orchestrator replaces a file: at once, never half."""
        fresh = self.folder / f"{destination}-secret.new"
        fresh.write_text(secret)
        fresh.rename(self._secret(destination))

    def _secret(self, destination: Destination) -> Path:
        return self.folder / f"{destination}-secret"

    def a_worker(self, name: str, static: bool) -> Worker:
        """Not started."""
        member: dict[str, object] = {"instance_id": name} if static else {}
        of_kafka = kafka(
            self.kafka.bootstrap, self.topic, self.group, session_timeout=self.session, max_poll_interval=60, **member
        )
        return Worker(self.folder, of_kafka, *map(self._tables, self.destinations), name=name, options=OPTIONS)

    def _tables(self, destination: Destination) -> Tables:
        url, secret = self.vendors.url, str(self._secret(destination))
        if destination == "wigzo":
            return wigzo(
                url,
                concurrency=CONCURRENCY,
                request_timeout=self.session / 3,
                settings={"org_token": None, "org_token_file": secret},
            )
        login = {"client_id": "sandbox-client-id", "client_secret_file": secret}
        return wootric(
            url, credentials=False, concurrency=CONCURRENCY, request_timeout=self.session / 3, settings=login
        )

    # --- Evidence

    def behind(self) -> dict[Destination, dict[int, int]]:
        """How many records are not committed, by destination and partition; only where there are any."""
        behind = {name: self.kafka.behind(f"{self.group}.{name}", self.topic) for name in self.destinations}
        return {name: dict(left) for name, left in behind.items() if left}

    def commits(self, destination: Destination) -> list[Commit]:
        return list(commits(self._read(TOPIC), f"{self.group}.{destination}"))

    def came(self, destination: Destination) -> list[tuple[float, int]]:
        """When each settled event came, and of which partition it is."""
        partitions = {(each.user): each.place[0] for each in logged(self._read(self.topic))}
        return [(each.at, partitions[each.user]) for each in came(self.vendors.arrivals(), destination)]

    def verdicts(self, incidents: Sequence[Incident]) -> dict[Destination, Verdict]:
        """``incidents`` by weight: see the judge."""
        arrivals = self.vendors.arrivals()
        log = list(logged(self._read(self.topic)))
        return {
            name: judge(
                log,
                came(arrivals, name),
                letters(self._read(f"{self.group}.{name}.dead-letters")),
                self.commits(name),
                incidents,
                failures(arrivals, name),
                overlaps(arrivals, name),
            )
            for name in self.destinations
        }

    def records(self) -> list[Any]:
        """All of the source topic."""
        return self._read(self.topic)

    def _read(self, topic: str) -> list[Any]:
        return list(records(self.kafka.bootstrap, topic))


def a_place(
    on: Kafka, served: Vendors, folder: Path, destinations: Sequence[Destination], session: float = SESSION
) -> Place:
    """One that nobody else has."""
    name = uuid.uuid4().hex[:8]
    topic = Topics(on.bootstrap).create(f"events-{name}", PARTITIONS, replication=on.nodes)
    place = Place(on, served, folder, destinations, topic, f"relay-{name}", session)
    for destination, secret in SECRETS.items():
        place.secret(destination, secret)
    return place
