"""How the parts of one lane are put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mappings.contract import Destination
from worker.core.chronicle import Chronicle
from worker.core.commits import Commits
from worker.core.concurrency import Concurrency
from worker.core.delivery import Delivery
from worker.core.departures import Departures
from worker.core.effects import Note
from worker.core.endings import Endings
from worker.core.holds.gate import Gate
from worker.core.intake import Intake
from worker.core.letters import Letters
from worker.core.login import Login
from worker.core.pacing import Pacing
from worker.core.parts import Parts
from worker.core.policy import Policy
from worker.core.probes import Probes
from worker.core.queues import Queues
from worker.core.rate import Pace
from worker.core.retry import Random
from worker.core.settling import Settling
from worker.core.tally import Tally
from worker.core.turns import Turns


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Assembly:
    """What a lane speaks to. ``notes`` are for the log; whoever writes them takes them out."""

    tally: Tally
    notes: list[Note]
    queues: Queues
    letters: Letters
    commits: Commits
    gate: Gate
    intake: Intake
    settling: Settling
    probes: Probes
    turns: Turns
    departures: Departures
    delivery: Delivery
    chronicle: Chronicle
    pacing: Pacing | None  # where the vendor's limit is known


def assemble(
    destination: Destination[Any],
    settings: object,
    policy: Policy,
    *,
    random: Random,
    version: str,
    commit_interval: float,
    parts: Parts,
) -> Assembly:
    """The parts of a new lane, wired to each other. ``commit_interval`` is seconds."""
    tally, notes = Tally(), list[Note]()
    queues, letters, gate, cache = parts.queues(), Letters(version), Gate(_concurrency(policy)), parts.cache()
    intake = Intake(policy, queues, letters, tally, merges=destination.merge is not None)
    settling = Settling(queues, letters, tally, notes)
    probes = parts.probes(gate, queues, intake.assignments)
    troubles = parts.troubles(policy, gate, random, intake.others_wait, notes)
    endings = Endings(queues, settling, troubles, gate, probes, tally, notes)
    login = Login(destination, settings, random)
    turns = Turns(
        destination, settings, queues, endings, troubles, gate, login, cache, probes, tally, unfold=intake.unfold
    )
    return Assembly(
        tally,
        notes,
        queues,
        letters,
        commits=parts.commits(commit_interval, tally),
        gate=gate,
        intake=intake,
        settling=settling,
        probes=probes,
        turns=turns,
        departures=Departures(turns, queues, letters, cache, probes, tally),
        delivery=Delivery(destination, policy, turns, endings, troubles, tally),
        chronicle=Chronicle(gate, intake, tally, notes),
        pacing=None if policy.rate is None else Pacing(turns, Pace(policy.rate)),
    )


def _concurrency(policy: Policy) -> Concurrency:
    return Concurrency(policy.most_open, adaptive=policy.concurrency == "auto")
