"""What a run was, in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from tests.torture.round import Outcome

WORKERS: Final = ("crashes", "rolling restarts", "clean stops", "freezes", "visits", "fenced")
KAFKA: Final = ("broker restarts", "of coordinators", "refusals of commits", "refusals of dead letters")


def lines(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Totals."""
    done: Counter[str] = sum((outcome.done for outcome in outcomes), Counter())
    yield f"workers: {_listed(done, WORKERS)}"
    yield f"Kafka: {_listed(done, KAFKA)}"
    yield f"vendors: {_listed(done, sorted(done.keys() - {*WORKERS, *KAFKA}))}"
    for name in outcomes[0].verdicts if outcomes else ():
        verdicts = [outcome.verdicts[name] for outcome in outcomes]
        repeats: Counter[str] = sum((each.repeats for each in verdicts), Counter())
        yield (
            f"{name}: {sum(each.events for each in verdicts):,} events, "
            f"lost {sum(len(each.lost) for each in verdicts)}, "
            f"order broken {sum(len(each.disordered) for each in verdicts)}, "
            f"two calls at once {sum(len(each.at_once) for each in verdicts)}, "
            f"sent again after a commit {sum(len(each.resent) for each in verdicts)}, "
            f"committed too early {sum(len(each.early) for each in verdicts)}, "
            f"dead letters {sum(each.letters for each in verdicts):,}, "
            f"repeats {repeats.total():,} ({_listed(repeats, sorted(repeats))})"
        )
    yield f"violations: {len(faults(outcomes))}"


def _listed(counts: Counter[str], names: Iterable[str]) -> str:
    return ", ".join(f"{name} {counts[name]:,}" for name in names) or "none"


def faults(outcomes: Iterable[Outcome]) -> list[str]:
    return [fault for outcome in outcomes for fault in outcome.faults]
