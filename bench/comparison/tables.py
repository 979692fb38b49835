"""The results as people read them: medians with the smallest and the largest, and the worst of what must not be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from statistics import median

from bench.comparison.environment import Machine
from bench.comparison.judging import Ending, Result
from bench.comparison.peers import Peer

NOTHING = "–"
HEALTHY_SHARE = 0.9
QUIET = 0.1  # of the machine, for programs outside the bench
DISTURBED = "*"


class Runs:
    """All runs of one peer."""

    def __init__(self, peer: Peer, results: Iterable[Result]) -> None:
        self.peer = peer
        self._results = [each for each in results if each.peer == peer.name]

    def __bool__(self) -> bool:
        return bool(self._results)

    def of(self, scenario: str) -> list[Result]:
        return [each for each in self._results if each.scenario == scenario]

    def spread(self, scenario: str, figure: Callable[[Result], float | None], form: str) -> str:
        """Median, and in brackets the smallest and the largest of several: of the runs that had the machine, if any."""
        told = [(value, each.others) for each in self.of(scenario) if (value := figure(each)) is not None]
        values = [value for value, others in told if others <= QUIET] or [value for value, _ in told]
        if not values:
            return NOTHING
        disturbed = DISTURBED if min(others for _, others in told) > QUIET else ""
        middle = format(median(values), form) + disturbed
        return middle if len(values) == 1 else f"{middle} ({min(values):{form}}–{max(values):{form}})"

    def worst(self, scenarios: Sequence[str], figure: Callable[[Result], int | float | None], form: str = ",") -> str:
        values = [value for scenario in scenarios for each in self.of(scenario) if (value := figure(each)) is not None]
        return format(max(values), form) if values else NOTHING


RATES = ("0 ms", "50 ms", "warm")


def markdown(machine: Machine, peers: Sequence[Peer], results: Sequence[Result]) -> str:
    """Environment, rates, and what happens when something goes wrong."""
    shown = [runs for runs in (Runs(peer, results) for peer in peers) if runs]
    return "\n\n".join((_environment(machine, results), _rates(shown), _troubles(shown), _versions(shown))) + "\n"


def _environment(machine: Machine, results: Sequence[Result]) -> str:
    others = sorted(each.others for each in results)
    taken = f"{median(others):.0%} in the median, {others[-1]:.0%} at most" if others else "not measured"
    return (
        f"{machine.date}: {machine.cores} cores ({machine.processor}), {machine.memory:g} GiB, Linux {machine.kernel}, "
        f"Apache Kafka {machine.broker}, Python {machine.python}, Java {machine.java}, Go {machine.go}; "
        f"other programs took {taken} of the machine. Rates and CPU: the median (smallest–largest) of the runs in "
        f"which they took no more than {QUIET:.0%}, or of all where there is none ({DISTURBED}). "
        "late, overlapping, twice and lost: the worst of all runs."
    )


def _rates(shown: Sequence[Runs]) -> str:
    head = (
        "peer", "order meant", "events/s at 0 ms", "CPU-ms an event", "warm: events/s", "CPU-ms", "events/s at 50 ms",
        "CPU-ms an event", "open", "MiB", "late", "overlapping", "twice", "body",
    )  # fmt: skip
    rows = [
        (
            runs.peer.name,
            runs.peer.order,
            runs.spread("0 ms", lambda each: each.rate, ",.0f"),
            runs.spread("0 ms", lambda each: each.cpu, ".3f"),
            runs.spread("warm", lambda each: each.rate, ",.0f"),
            runs.spread("warm", lambda each: each.cpu, ".3f"),
            runs.spread("50 ms", lambda each: each.rate, ",.0f"),
            runs.spread("50 ms", lambda each: each.cpu, ".3f"),
            runs.worst(("50 ms",), lambda each: each.peak_open),
            runs.worst(RATES, lambda each: each.memory, ",.0f"),
            runs.worst(RATES, lambda each: each.late),
            runs.worst(RATES, lambda each: each.overlaps),
            runs.worst(RATES, lambda each: each.duplicates),
            runs.worst(("0 ms",), lambda each: each.body, ".0f"),
        )
        for runs in shown
    ]
    return _table(head, rows, left=2)


def _troubles(shown: Sequence[Runs]) -> str:
    head = (
        "peer", "1 % 503: events/s", "late", "twice", "lost", "kill -9: sent again", "of", "lost", "late", "silence s",
        "healthy/s, all well", "a tenth slow", "a tenth down", "of the down not served",
    )  # fmt: skip
    rows = [
        (
            runs.peer.name,
            runs.spread("flaky", lambda each: each.rate, ",.0f"),
            *(runs.worst(("flaky",), figure) for figure in (_late, _twice)),
            _lost(runs, "flaky"),
            runs.worst(("kill",), lambda each: each.duplicates),
            runs.worst(("kill",), lambda each: each.at_kill),
            _lost(runs, "kill"),
            runs.worst(("kill",), _late),
            runs.worst(("kill",), lambda each: each.silence, ".1f"),
            runs.spread("50 ms", lambda each: each.rate and each.rate * HEALTHY_SHARE, ",.0f").partition(" ")[0],
            runs.spread("slow", lambda each: each.healthy, ",.0f"),
            runs.spread("down", lambda each: each.healthy, ",.0f"),
            runs.worst(("down",), lambda each: each.unserved),
        )
        for runs in shown
    ]
    return _table(head, rows, left=1)


def _late(each: Result) -> int:
    return each.late


def _twice(each: Result) -> int:
    return each.duplicates


def _lost(runs: Runs, scenario: str) -> str:
    # A run that was cut does not tell what would have come.
    cut = any(each.ended == Ending.CUT for each in runs.of(scenario))
    return runs.worst((scenario,), lambda each: each.lost) + (" (cut)" if cut else "")


def _versions(shown: Sequence[Runs]) -> str:
    return _table(("peer", "version"), [(runs.peer.name, runs.peer.version()) for runs in shown], left=2)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> str:
    rule = [*["---"] * left, *["--:"] * (len(head) - left)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))
