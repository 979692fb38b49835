"""What can be done to a fleet of workers, its Kafka and its vendors. Durations are seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from worker.sandbox.exchange import Destination

Kind: TypeAlias = Literal[
    "slow",
    "too slow",
    "limited",
    "limited without a time",
    "down",
    "down with a time",
    "failing for some",
    "forbidden for some",
    "reset within an answer",
    "answer lost",
    "hanging",
    "hanging for some",
    "a page",
    "not JSON",
    "a number",
    "a large answer",
    "odd headers",
]


@dataclass(frozen=True, slots=True)
class Crash:
    """SIGKILL; it is started again at once."""

    worker: int


@dataclass(frozen=True, slots=True)
class RollingRestart:
    """SIGTERM and a new start, one worker after the other, each when the one before is ready again."""


@dataclass(frozen=True, slots=True)
class Freeze:
    """SIGSTOP for longer than the session, then SIGCONT."""

    worker: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Visit:
    """A further worker joins, and is stopped again."""

    seconds: float


@dataclass(frozen=True, slots=True)
class BrokerCrash:
    """SIGKILL for a node, and a new start. ``node`` ``None``: whichever coordinates the destination's group."""

    node: int | None
    destination: Destination
    seconds: float


@dataclass(frozen=True, slots=True)
class CommitsRefused:
    """The topic of commits takes no record of any size."""

    seconds: float


@dataclass(frozen=True, slots=True)
class DeadLettersRefused:
    """The destination's topic of dead letters takes no record of any size."""

    destination: Destination
    seconds: float


@dataclass(frozen=True, slots=True)
class Misbehaviour:
    """A vendor that does something wrong. ``seed`` chooses whom, where it is not everybody."""

    destination: Destination
    kind: Kind
    seconds: float
    seed: int


@dataclass(frozen=True, slots=True)
class WrongSecret:
    """The vendor has a new secret; the worker's file is corrected that much later."""

    destination: Destination
    seconds: float


Act: TypeAlias = (
    Crash
    | RollingRestart
    | Freeze
    | Visit
    | BrokerCrash
    | CommitsRefused
    | DeadLettersRefused
    | Misbehaviour
    | WrongSecret
)


@dataclass(frozen=True, slots=True)
class Timed:
    """``at``: seconds from the round's beginning."""

    at: float
    act: Act

    def __str__(self) -> str:
        return f"{self.at:6.1f} s  {self.act}"
