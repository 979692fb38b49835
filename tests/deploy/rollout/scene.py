"""A release under load, and what was delivered while something was done to its pods."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.deploy.rollout.pods import Pod, Restart, StatefulSet, Template
from tests.deploy.rollout.standstill import Standstill, standstills
from tests.torture.judge import Incident, Verdict
from tests.torture.kafka_cluster import PARTITIONS, Kafka
from tests.torture.load import Load
from tests.torture.place import Place, a_place
from tests.torture.vendors import Vendors, vendors
from worker.sandbox.exchange import Destination
from worker.sandbox.faults import Rule

RATE: Final = 400.0  # events a second, each for both destinations
USERS: Final = 1000
ANSWER: Final = 0.03  # seconds that a vendor takes
QUIET: Final = 3.0  # seconds of load before and after
PATIENCE: Final = 180.0
TICK: Final = 0.1
DESTINATIONS: Final[Sequence[Destination]] = ("wigzo", "wootric")


@dataclass(slots=True)
class Scene:
    """``moved``: sentences, where a pod that stayed was given partitions or lost some."""

    place: Place
    vendors: Vendors
    pods: StatefulSet
    restarts: list[Restart] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    load_began: float = 0.0
    load_ended: float = 0.0

    @contextmanager
    def load(self, rate: float = RATE) -> Iterator[None]:
        """So many events a second; at the end everything is delivered and committed."""
        with Load(self.place.kafka.bootstrap, self.place.topic, rate=rate, users=USERS, seed="rollout"):
            self.until_owned()
            time.sleep(QUIET)
            self.load_began = time.time()
            yield
            time.sleep(QUIET)
            self.load_ended = time.time()
        self.wait(lambda: not self.place.behind(), "everything is delivered and committed")

    def roll(self, template: Template) -> None:
        """Every pod anew, and who of the others noticed."""
        before = self._rebalances()
        for restart in self.pods.roll(template):
            self.restarts.append(restart)
            after = self._rebalances()
            self.moved += [
                f"{pod} was rebalanced while {restart.pod} was restarted"
                for pod in after
                if pod != restart.pod and after[pod] != before[pod]
            ]
            before = after

    def until_owned(self) -> float:
        """Until each partition has an owner at each destination, and each pod some; how many seconds that took.

        A pod that is first in its group owns all of them, until the others have joined.
        """
        wanted = PARTITIONS * len(self.place.destinations)

        def is_settled() -> bool:
            owned = [self.owned(pod) for pod in self.pods.pods]
            return sum(owned) == wanted and all(owned)

        return self.wait(is_settled, "every partition has an owner, and every pod partitions")

    def owned(self, pod: Pod) -> int:
        """Partitions of the source that a pod reads, at all destinations."""
        metrics = pod.metrics() if pod.runs else None
        samples = () if metrics is None else metrics.samples
        return sum(name == "consumer_lag" and labels["topic"] == self.place.topic for name, labels, _ in samples)

    def wait(self, reached: Callable[[], object], what: str) -> float:
        """Until it is so; how many seconds that took."""
        began = time.monotonic()
        while not reached():
            assert time.monotonic() < began + PATIENCE, f"not within {PATIENCE:.0f} s: {what}"
            time.sleep(TICK)
        return time.monotonic() - began

    def verdicts(self, *incidents: Incident) -> Mapping[Destination, Verdict]:
        """After the load. ``incidents``: what else may make an event come twice."""
        stops = [Incident("stop", each.told, each.ready) for each in self.restarts]
        return self.place.verdicts([*incidents, *stops])

    def standstills(self) -> Mapping[Destination, Mapping[int, Standstill]]:
        """After the load: the longest of each partition."""
        return {
            name: standstills(self.place.came(name), self.load_began, self.load_ended)
            for name in self.place.destinations
        }

    def _rebalances(self) -> Mapping[str, float]:
        counted = {pod.name: pod.metrics() for pod in self.pods.pods}
        return {pod: 0.0 if metrics is None else metrics.value("rebalances_total") for pod, metrics in counted.items()}


@contextmanager
def a_scene(on: Kafka, folder: Path, template: Callable[[Place], Template]) -> Iterator[Scene]:
    """A release whose pods are ready; at the end none of them is left."""
    with vendors(Rule(delay=ANSWER)) as served:
        place = a_place(on, served, folder, DESTINATIONS)
        with StatefulSet(folder, template(place)) as pods:
            pods.until_ready()
            yield Scene(place, served, pods)


def told(scene: Scene, *incidents: Incident) -> Iterator[str]:
    """The figures, for people."""
    for each in scene.restarts:
        yield f"{each.pod}: stopped in {each.stopping:.1f} s (exit {each.code}), ready {each.starting:.1f} s later"
    yield from scene.moved
    still = scene.standstills()
    for name, verdict in scene.verdicts(*incidents).items():
        yield f"{name}: {verdict.events} events, {len(verdict.repeated)} came twice {dict(verdict.repeats) or ''}"
        yield from verdict.violations[:5]
        longest = ", ".join(f"{each.seconds:.1f}" for each in still[name].values())
        yield f"{name}: the partitions stood still for at most {longest} s"
