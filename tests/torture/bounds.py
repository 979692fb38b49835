"""What a rollout and a SIGKILL repeat under a steady load, measured: ``python -m tests.torture.bounds``.

One destination, three workers, a thousand events a second. First each is restarted in turn, then each is killed.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.torture.fleet import Fleet, Member, a_fleet, seen
from tests.torture.judge import LOST_ANSWER, Incident, Repeat, Verdict
from tests.torture.kafka_cluster import PARTITIONS, Kafka, kafka
from tests.torture.load import Load
from tests.torture.place import Place, a_place
from tests.torture.vendors import vendors
from worker.sandbox.faults import Rule

RATE: Final = 1000.0  # events a second
USERS: Final = 2000
ANSWER: Final = 0.03  # seconds that the vendor takes
STATIC: Final = (True, True, False)
COMMITS: Final = 0.5  # seconds between two commits
# How much longer ago the last commit may be: it has to be sent, taken and answered.
ON_ITS_WAY: Final = 0.25
SESSION: Final = 20.0  # seconds: nobody is put out of the group because the machine is busy
QUIET: Final = 2.0  # seconds of load before, between and after
PATIENCE: Final = 90.0
TICK: Final = 0.02


@dataclass(frozen=True, slots=True)
class Kill:
    """One SIGKILL. ``at_risk``: the events of its partitions that were in flight, or settled since the last commit was
    due; ``told``: how many the worker itself called at risk, and what came after it was asked; ``repeats``: how many
    came again."""

    at_risk: int
    told: int
    repeats: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """``rolled``: what came twice before the first kill, of ``events`` that had been sent until then."""

    verdict: Verdict
    events: int
    rolled: tuple[Repeat, ...]
    kills: tuple[Kill, ...]
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Killed:
    at: float
    partitions: frozenset[int]
    asked: float
    told: int


def measure(on: Kafka, folder: Path, *, rate: float = RATE, kills: int = len(STATIC)) -> Bounds:
    with vendors(Rule(delay=ANSWER)) as served:
        place = a_place(on, served, folder, ["wigzo"], SESSION)
        workers = [place.a_worker(f"relay-{number}", static) for number, static in enumerate(STATIC)]
        with a_fleet(workers) as fleet:
            with Load(on.bootstrap, place.topic, rate=rate, users=USERS, seed="bounds"):
                _until(fleet, lambda: _owned(fleet.members) == PARTITIONS, QUIET)
                fleet.roll()
                _until(fleet, lambda: not fleet.rolling and _owned(fleet.members) == PARTITIONS, QUIET)
                killed = [_kill(fleet, number) for number in range(kills)]
            _until(fleet, lambda: not place.behind(), 0)
            fleet.stop()
            _until(fleet, lambda: not fleet.members, 0)
            return _bounds(place, killed, fleet)


def _kill(fleet: Fleet, number: int) -> _Killed:
    member = fleet.members[number]
    partitions = _partitions(member)
    asked = time.time()
    metrics = seen(member)
    assert metrics is not None, "it runs"
    killed = _Killed(time.time(), partitions, asked, int(metrics.value("events_at_risk")))
    fleet.crash(number)
    _until(fleet, lambda: _owned(fleet.members) == PARTITIONS, QUIET)
    return killed


def _until(fleet: Fleet, reached: Callable[[], bool], more: float) -> None:
    """Tend the fleet until something is so, and then for some seconds more."""
    deadline = time.time() + PATIENCE
    while not reached():
        assert time.time() < deadline, fleet.faults
        _tend(fleet, 10 * TICK)
    _tend(fleet, more)


def _tend(fleet: Fleet, seconds: float) -> None:
    end = time.time() + seconds
    while time.time() < end:
        fleet.tick()
        time.sleep(TICK)


def _owned(members: Iterable[Member]) -> int:
    return sum(len(_partitions(member)) for member in members)


def _partitions(member: Member) -> frozenset[int]:
    """What a worker says that it owns."""
    metrics = seen(member)
    samples = () if metrics is None else metrics.samples
    return frozenset(int(labels["partition"]) for name, labels, _ in samples if name == "consumer_lag")


# --- The figures


def _bounds(place: Place, killed: Sequence[_Killed], fleet: Fleet) -> Bounds:
    incidents = [*(Incident("crash", each.at, each.at) for each in killed), Incident("stop", 0, killed[0].at)]
    verdict = place.verdicts(incidents)["wigzo"]
    came = place.came("wigzo")
    return Bounds(
        verdict,
        events=sum(at < killed[0].at for at, _ in came),
        rolled=tuple(each for each in _heard(verdict) if each.again.at < killed[0].at),
        kills=tuple(_figures(each, verdict, came) for each in killed),
        faults=tuple(fleet.faults),
    )


def _figures(killed: _Killed, verdict: Verdict, came: Iterable[tuple[float, int]]) -> Kill:
    of_its_own = [at for at, partition in came if partition in killed.partitions and at <= killed.at]
    return Kill(
        at_risk=sum(at > killed.at - ANSWER - COMMITS - ON_ITS_WAY for at in of_its_own),
        told=killed.told + sum(at > killed.asked for at in of_its_own),
        repeats=sum(each.before.at <= killed.at <= each.again.at for each in _heard(verdict)),
    )


def _heard(verdict: Verdict) -> list[Repeat]:
    """Without those whose answer came too late, which has nothing to do with either."""
    return [each for each in verdict.repeated if each.cause != LOST_ANSWER]


def main() -> int:
    with tempfile.TemporaryDirectory() as folder, kafka(Path(folder), 1) as on:
        bounds = measure(on, Path(folder))
    print(f"rolling restart: {len(bounds.rolled)} of {bounds.events} events came twice")
    for kill in bounds.kills:
        print(
            f"SIGKILL: {kill.repeats} came twice; in flight or settled within {COMMITS} s: {kill.at_risk}, "
            f"at risk by its own account: {kill.told}"
        )
    print(*bounds.verdict.violations[:10], *bounds.faults, sep="\n")
    return 1 if bounds.verdict.violations or bounds.faults else 0


if __name__ == "__main__":
    sys.exit(main())
