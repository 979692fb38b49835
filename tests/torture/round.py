"""One round: a topic, groups, vendors and workers of its own; the acts, then peace, and the judgement."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.torture.commit_log import TOPIC, commits
from tests.torture.evidence import came, letters, logged, records
from tests.torture.fleet import Fleet, Member
from tests.torture.judge import Incident, Verdict, judge
from tests.torture.kafka_cluster import PARTITIONS, Kafka
from tests.torture.load import Load
from tests.torture.schedule import DESTINATIONS, SESSION, Round
from tests.torture.stage import Stage
from tests.torture.vendors import Vendors, vendors
from tests.whole.topics import Topics
from tests.whole.worker import Tables, Worker, kafka, wigzo, wootric
from worker.sandbox.exchange import Destination

# What is named as the cause of a repeat where several fit.
WEIGHT: Final = ("crash", "frozen", "broker", "commits refused", "stop", "join")
CLEAN: Final = ("stop", "join")  # after these alone nothing may come twice
SECRETS: Final[Mapping[Destination, str]] = {"wigzo": "sandbox-org-token", "wootric": "sandbox-client-secret"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """``done`` counts acts; ``faults`` are sentences, none where every promise held."""

    done: Counter[str]
    verdicts: Mapping[Destination, Verdict]
    faults: tuple[str, ...]


def torture(plan: Round, on: Kafka, folder: Path, *, rate: float, users: int, say: Callable[[str], None]) -> Outcome:
    """One round from beginning to end, with its files in ``folder``."""
    name = uuid.uuid4().hex[:8]
    topic = Topics(on.bootstrap).create(f"events-{name}", PARTITIONS, replication=on.nodes)
    with ExitStack() as stack:
        served = stack.enter_context(vendors())
        place = _Place(on, served, topic, f"relay-{name}", folder)
        for destination, secret in SECRETS.items():
            place.secret(destination, secret)
        fleet = stack.enter_context(_fleet(place, plan))
        stage = Stage(plan, on, served, fleet, topic, place.group, place.a_worker, place.secret, say)
        with Load(on.bootstrap, topic, rate=rate, users=users, seed=plan.seed):
            stage.run()
        stage.peace()
        stage.farewell()
        verdicts = _verdicts(place, [*stage.incidents, *fleet.incidents])
    faults = (*stage.faults, *fleet.faults, *_violations(verdicts))
    return Outcome(stage.done + fleet.done, verdicts, faults)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a round's workers live."""

    kafka: Kafka
    vendors: Vendors
    topic: str
    group: str
    folder: Path

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
            self.kafka.bootstrap, self.topic, self.group, session_timeout=SESSION, max_poll_interval=60, **member
        )
        options = {"drain_timeout": 8, "start_timeout": 60}
        return Worker(self.folder, of_kafka, *self._destinations(), name=name, options=options)

    def _destinations(self) -> Sequence[Tables]:
        of_wigzo = {"org_token": None, "org_token_file": str(self._secret("wigzo"))}
        of_wootric = {"client_id": "sandbox-client-id", "client_secret_file": str(self._secret("wootric"))}
        url = self.vendors.url
        return wigzo(url, settings=of_wigzo), wootric(url, credentials=False, settings=of_wootric)


@contextmanager
def _fleet(place: _Place, plan: Round) -> Iterator[Fleet]:
    workers = [place.a_worker(f"relay-{number}", static) for number, static in enumerate(plan.static)]
    fleet = Fleet([Member(worker.start()) for worker in workers])
    try:
        yield fleet
    finally:
        for member in fleet.members:
            member.worker.kill()


def _verdicts(place: _Place, incidents: Sequence[Incident]) -> dict[Destination, Verdict]:
    arrivals = place.vendors.arrivals()
    log = list(logged(_read(place, place.topic)))
    said = _read(place, TOPIC)
    weighed = sorted(
        (each for each in incidents if each.cause in WEIGHT), key=lambda each: (WEIGHT.index(each.cause), each.begin)
    )
    return {
        name: judge(
            log,
            came(arrivals, name),
            letters(_read(place, f"{place.group}.{name}.dead-letters")),
            commits(said, f"{place.group}.{name}"),
            weighed,
        )
        for name in DESTINATIONS
    }


def _read(place: _Place, topic: str) -> list[Any]:
    return list(records(place.kafka.bootstrap, topic))


def _violations(verdicts: Mapping[Destination, Verdict]) -> Iterator[str]:
    for name, verdict in verdicts.items():
        yield from (f"{name}: {violation}" for violation in verdict.violations)
        yield from (f"{name}: {repeat}" for repeat in verdict.repeated_by(*CLEAN))
