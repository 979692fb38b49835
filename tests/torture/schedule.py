"""A seed → what is done when. Pure: the same seed gives the same schedule on every machine.

A run is a list of rounds, each with topics, groups and vendors of its own. A round's acts come from several tracks that
know nothing of each other; on one track nothing overlaps, and everything that begins ends before the round does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Final, TypeAlias, get_args

from tests.torture.acts import (
    Act,
    BrokerCrash,
    CommitsRefused,
    Crash,
    DeadLettersRefused,
    Freeze,
    Kind,
    Misbehaviour,
    RollingRestart,
    Timed,
    Visit,
    WrongSecret,
)
from worker.sandbox.exchange import Destination

WORKERS: Final = 3
SESSION: Final = 6.0  # seconds: the workers' session_timeout
SETTLING_IN: Final = 4.0  # seconds at the beginning in which nothing is done
ROUND: Final = 120.0
DESTINATIONS: Final[tuple[Destination, ...]] = get_args(Destination)
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

Track: TypeAlias = Callable[[Random, "Round"], Act]


@dataclass(frozen=True, slots=True)
class Round:
    """``static``: which workers are static members. ``acts`` are sorted by time."""

    seed: str
    nodes: int
    seconds: float
    static: tuple[bool, ...]
    acts: tuple[Timed, ...] = ()


@dataclass(frozen=True, slots=True)
class _Pace:
    """Seconds between the end of one act and the next one's beginning; ``takes``: how long one without a duration
    keeps its track busy."""

    least: float
    most: float
    takes: float = 0.0


def schedule(seed: int, minutes: float, *, without: frozenset[str] = frozenset()) -> tuple[Round, ...]:
    """Rounds of two minutes at most: the first half on one node of Kafka, the others on three.

    ``without``: names of acts that are left out; the others stay as they were.
    """
    count = max(1, round(minutes * 60 / ROUND))
    seconds = min(ROUND, minutes * 60)
    return tuple(
        a_round(f"{seed}/{number}", nodes=1 if 2 * number < count else 3, seconds=seconds, without=without)
        for number in range(count)
    )


def a_round(seed: str, *, nodes: int, seconds: float, without: frozenset[str] = frozenset()) -> Round:
    """One round, by its own seed."""
    members = Random(f"{seed}/members")
    bare = Round(seed, nodes, seconds, tuple(members.random() < 0.6 for _ in range(WORKERS)))
    timed = [
        each
        for name, (pace, track) in TRACKS.items()
        for each in _walk(Random(f"{seed}/{name}"), bare, pace, track)
        if type(each.act).__name__ not in without
    ]
    timed.sort(key=lambda each: each.at)
    return Round(seed, nodes, seconds, bare.static, tuple(timed))


def duration(act: Act) -> float:
    """0 for what is done in a moment."""
    return getattr(act, "seconds", 0.0)


def _walk(random: Random, bare: Round, pace: _Pace, track: Track) -> Iterator[Timed]:
    at = SETTLING_IN + random.uniform(0, pace.most)
    while True:
        act = track(random, bare)
        if at + duration(act) > bare.seconds:
            return
        yield Timed(round(at, 2), act)
        at += duration(act) + pace.takes + random.uniform(pace.least, pace.most)


# --- The tracks


def _crashes(random: Random, _: Round) -> Act:
    return Crash(random.randrange(WORKERS))


def _rollouts(_random: Random, _: Round) -> Act:
    return RollingRestart()


def _absences(random: Random, _: Round) -> Act:
    if random.random() < 0.5:
        return Freeze(random.randrange(WORKERS), _seconds(random, SESSION + 1, SESSION + 6))
    return Visit(_seconds(random, 6, 15))


def _kafka(random: Random, bare: Round) -> Act:
    destination = random.choice(DESTINATIONS)
    chance = random.random()
    if chance < 0.6:
        # On one node everything waits for it; of three, now the coordinator and now any.
        node = 1 if bare.nodes == 1 else random.choice((None, None, *range(1, bare.nodes + 1)))
        return BrokerCrash(node, destination, _seconds(random, 1, 5))
    if chance < 0.8:
        return CommitsRefused(_seconds(random, 2, 8))
    return DeadLettersRefused(destination, _seconds(random, 3, 8))


def _vendor(destination: Destination) -> Track:
    def act(random: Random, _: Round) -> Act:
        if random.random() < 0.08:
            return WrongSecret(destination, _seconds(random, 2, 8))
        return Misbehaviour(destination, random.choice(KINDS), _seconds(random, 2, 8), random.randrange(1000))

    return act


def _seconds(random: Random, least: float, most: float) -> float:
    return round(random.uniform(least, most), 2)


TRACKS: Final[Mapping[str, tuple[_Pace, Track]]] = {
    "crashes": (_Pace(2, 7), _crashes),
    "rollouts": (_Pace(1, 4, takes=12), _rollouts),
    "absences": (_Pace(5, 20), _absences),
    "kafka": (_Pace(5, 12, takes=5), _kafka),
    **{name: (_Pace(3, 10), _vendor(name)) for name in DESTINATIONS},
}
