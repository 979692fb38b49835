"""What a run says about a peer: from the sink's books and the samples taken on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bench.books import Account, Gaps
from bench.comparison.scenarios import SETTLED, Scenario
from bench.process import MIB, Watch


class Ending(StrEnum):
    COMPLETE = "all came"
    CUT = "time was over"
    STALLED = "nothing came any more"
    EXITED = "it ended by itself"
    SILENT = "it sent nothing"


@dataclass(frozen=True, slots=True)
class Sample:
    """The sink's counts at a Unix time."""

    time: float
    arrived: int
    healthy: int
    requests: int


@dataclass(frozen=True, slots=True)
class Result:
    """One run. ``None`` is what it does not tell.

    ``rate``      new events a second, from the first request (or from where ``skip`` events had come) to the last one.
    ``cpu``       CPU seconds of the peer for 1,000 of them: milliseconds for one.
    ``memory``    MiB, the largest resident.
    ``lost``      events that never came although nothing more was under way; of a run that was cut: those that a later
                  event of their user has passed (no more than what was open, where no order is kept).
    ``healthy``   the healthy users' new events a second while the others are slow or refused.
    ``unserved``  events that were refused and had not come at the end.
    ``at_kill``   what had come when it was killed; ``silence``: seconds from the new start to the next request.
    ``others``    the share of the machine that was taken by programs outside the bench.
    """

    peer: str
    scenario: str
    round: int
    ended: str
    events: int = 0
    arrived: int = 0
    start: float | None = None
    rate: float | None = None
    cpu: float | None = None
    memory: float | None = None
    peak_open: int = 0
    body: float = 0.0
    late: int = 0
    overlaps: int = 0
    duplicates: int = 0
    lost: int = 0
    unserved: int = 0
    healthy: float | None = None
    at_kill: int | None = None
    silence: float | None = None
    others: float = 0.0


@dataclass(frozen=True, slots=True)
class Seen:
    """Of a run in which something came: the sink's books at its end, and what was noted on the way.

    ``began``: when the peer was started; ``others``: the share of the machine that was taken by programs outside.
    """

    account: Account
    gaps: Gaps
    samples: Sequence[Sample]
    watch: Watch
    began: float
    others: float
    at_kill: Account | None
    silence: float | None


def judged(peer: str, scenario: Scenario, number: int, ending: Ending, events: int, seen: Seen) -> Result:
    """The result of a run that was to deliver so many events."""
    account, window = seen.account, scenario.trouble.seconds
    if not account.arrived:
        return Result(peer, scenario.name, number, ending, events)
    rate, cpu = _steady(scenario, seen)
    return Result(
        peer,
        scenario.name,
        number,
        ending,
        events,
        account.arrived,
        start=account.first - seen.began,
        rate=rate,
        cpu=cpu,
        memory=seen.watch.peak / MIB,
        peak_open=account.peak_open,
        body=account.bytes / max(1, account.arrived + account.duplicates),
        late=account.late,
        overlaps=account.overlaps,
        duplicates=account.duplicates,
        lost=seen.gaps.passed_over if ending is Ending.CUT else events - account.arrived,
        unserved=seen.gaps.refused,
        healthy=healthy_rate(seen.samples, account, window) if window else None,
        at_kill=seen.at_kill.arrived if seen.at_kill else None,
        silence=seen.silence,
        others=seen.others,
    )


def _steady(scenario: Scenario, seen: Seen) -> tuple[float | None, float | None]:
    """Rate and CPU, where the run tells them."""
    begin, passed = beginning(seen.samples, seen.account, scenario.skip)
    new, seconds = seen.account.arrived - passed, seen.account.last - begin
    if seen.at_kill is not None or new <= 0 or seconds <= 0:
        return None, None
    return new / seconds, seen.watch.cpu(begin, seen.account.last) / new * 1e3


def beginning(samples: Sequence[Sample], account: Account, skip: int) -> tuple[float, int]:
    """From when the rate is taken, and how many had come by then. Too few came: from the end, so of nothing."""
    if not skip:
        return account.first, 0
    return next(
        ((each.time, each.arrived) for each in samples if each.arrived >= skip), (account.last, account.arrived)
    )


def healthy_rate(samples: Sequence[Sample], account: Account, window: float) -> float | None:
    """New events of the healthy a second, in what is left of the window when the trouble is met."""
    inside = [each for each in samples if SETTLED <= each.time - account.first <= window]
    if len(inside) < 2:
        return None
    return (inside[-1].healthy - inside[0].healthy) / (inside[-1].time - inside[0].time)
