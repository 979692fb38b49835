"""One round: a place of its own; the acts, then peace, and the judgement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.torture.evidence import MERGING
from tests.torture.fleet import a_fleet
from tests.torture.judge import FROZEN, Incident, Verdict
from tests.torture.kafka_cluster import Kafka
from tests.torture.load import Load
from tests.torture.place import a_place
from tests.torture.schedule import DESTINATIONS, Round
from tests.torture.stage import Stage
from tests.torture.vendors import ALWAYS, vendors
from worker.sandbox.exchange import Destination

# What is named as the cause of a repeat where several fit.
WEIGHT: Final = ("crash", FROZEN, "broker", "commits refused", "stop", "join")
# After these alone nothing may come twice but flows that had to be cut between two requests, as long merges are.
CLEAN: Final = ("stop", "join")


@dataclass(frozen=True, slots=True)
class Outcome:
    """``done`` counts acts; ``faults`` are sentences, none where every promise held."""

    done: Counter[str]
    verdicts: Mapping[Destination, Verdict]
    faults: tuple[str, ...]


def torture(plan: Round, on: Kafka, folder: Path, *, rate: float, users: int, say: Callable[[str], None]) -> Outcome:
    """One round from beginning to end, with its files in ``folder``."""
    with ExitStack() as stack:
        served = stack.enter_context(vendors(*ALWAYS))
        place = a_place(on, served, folder, DESTINATIONS)
        workers = [place.a_worker(f"relay-{number}", static) for number, static in enumerate(plan.static)]
        fleet = stack.enter_context(a_fleet(workers))
        stage = Stage(plan, place, fleet, say)
        with Load(on.bootstrap, place.topic, rate=rate, users=users, seed=plan.seed):
            stage.run()
        stage.peace()
        stage.farewell()
        verdicts = place.verdicts(weighed([*stage.incidents, *fleet.incidents]))
    done = stage.done + fleet.done + Counter({"fenced": len(fleet.fenced)})
    faults = (*stage.faults, *fleet.faults, *_fences(fleet.fenced, stage.incidents), *_violations(verdicts))
    return Outcome(done, verdicts, faults)


def weighed(incidents: Iterable[Incident]) -> Sequence[Incident]:
    """Those that can make an event come twice, the gravest first."""
    counting = (each for each in incidents if each.cause in WEIGHT)
    return sorted(counting, key=lambda each: (WEIGHT.index(each.cause), each.begin))


def _fences(fenced: Iterable[tuple[float, str]], incidents: Sequence[Incident]) -> Iterator[str]:
    """Nobody has an instance id twice here. But a broker that is killed in a rebalance comes back without the member
    ids that it gave meanwhile, and fences who has one: Kafka has no other word for it, and a new start helps."""
    brokers = [each for each in incidents if each.cause == "broker"]
    for at, fault in fenced:
        if not any(each.begin <= at <= each.until for each in brokers):
            yield fault


def _violations(verdicts: Mapping[Destination, Verdict]) -> Iterator[str]:
    for name, verdict in verdicts.items():
        yield from (f"{name}: {violation}" for violation in verdict.violations)
        if name not in MERGING:
            yield from (f"{name}: {repeat}" for repeat in verdict.repeated_by(*CLEAN))
