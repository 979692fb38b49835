"""For how long nothing of a partition reached the vendor, although there was load. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Standstill:
    """The longest of one partition: from when (Unix seconds), and for how many seconds."""

    begin: float
    seconds: float


def standstills(came: Iterable[tuple[float, int]], begin: float, end: float) -> Mapping[int, Standstill]:
    """``came``: when each event came, and of which partition. ``begin`` to ``end``: in which time there was load."""
    times: dict[int, list[float]] = defaultdict(list)
    for at, partition in came:
        times[partition].append(at)
    return {partition: _longest([begin, *_within(of, begin, end), end]) for partition, of in sorted(times.items())}


def _within(times: Iterable[float], begin: float, end: float) -> list[float]:
    return sorted(at for at in times if begin <= at <= end)


def _longest(times: list[float]) -> Standstill:
    seconds, since = max((later - sooner, sooner) for sooner, later in pairwise(times))
    return Standstill(since, seconds)
