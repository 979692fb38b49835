"""What a run was, in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from tests.torture.round import Outcome

# The first column of the table, and what is counted for it.
DONE = ("crashes", "rolling restarts", "clean stops", "freezes", "visits", "broker", "coordinators", "commits refused")


def lines(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Totals, a line each."""
    done: Counter[str] = sum((outcome.done for outcome in outcomes), Counter())
    yield "done: " + _listed(done)
    for name in outcomes[0].verdicts if outcomes else ():
        verdicts = [outcome.verdicts[name] for outcome in outcomes]
        repeats: Counter[str] = sum((each.repeats for each in verdicts), Counter())
        yield (
            f"{name}: {sum(each.events for each in verdicts)} events, "
            f"lost {sum(len(each.lost) for each in verdicts)}, "
            f"order broken {sum(len(each.disordered) for each in verdicts)}, "
            f"sent again after a commit {sum(len(each.resent) for each in verdicts)}, "
            f"committed too early {sum(len(each.early) for each in verdicts)}, "
            f"dead letters {sum(each.letters for each in verdicts)}, "
            f"repeats {repeats.total()} ({_listed(repeats)})"
        )
    yield f"violations: {sum(len(outcome.faults) for outcome in outcomes)}"


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"


def faults(outcomes: Iterable[Outcome]) -> list[str]:
    return [fault for outcome in outcomes for fault in outcome.faults]
