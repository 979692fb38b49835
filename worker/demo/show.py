"""The demo on a terminal: progress while it runs, then each destination's figures, the books and what was checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from mappings.contract import Destination
from worker.core.reasons import REASONS
from worker.demo.checks import Check
from worker.demo.figures import Figures, quantile

PRODUCED = "Kafka"


class Bars:
    """One bar for what is produced, one for what is settled at each destination."""

    def __init__(self, console: Console, produced: int, settled: Mapping[str, int]) -> None:
        self.progress = Progress(
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description}", style="bold"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TextColumn("{task.fields[said]}", style="dim"),
            console=console,
        )
        totals = {PRODUCED: produced, **settled}
        self._tasks: dict[str, TaskID] = {
            name: self.progress.add_task(name, total=total, said="") for name, total in totals.items()
        }

    def show(self, produced: int, figures: Mapping[str, Figures]) -> None:
        self.progress.update(self._tasks[PRODUCED], completed=produced, said="records produced")
        for name, one in figures.items():
            said = f"events settled, {one.pending:,} pending, {one.requests:,} requests"
            self.progress.update(self._tasks[name], completed=one.done, said=said)


def report(
    figures: Mapping[str, Figures], destinations: Mapping[str, Destination[Any]], found: Iterable[Check]
) -> RenderableType:
    """Everything that is said at the end."""
    return Group(
        _overview(figures), "", _reasons(figures, destinations), "", *_books(figures), "", *map(_checked, found)
    )


def _table(*columns: str, left: int = 1) -> Table:
    """Words to the left, numbers to the right."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number < left else "right")
    return table


def _overview(figures: Mapping[str, Figures]) -> Table:
    columns = ("events", "delivered", "filtered", "skipped", "dead letters", "requests", "per event", "retries")
    table = _table("destination", *columns, "p50", "p99")
    for name, one in figures.items():
        ends = one.outcomes
        parts = [one.consumed, *(ends[end] for end in ("delivered", "filtered", "skipped", "dead-lettered"))]
        numbers = [*(f"{number:,}" for number in (*parts, one.requests)), _share(one.requests, ends["delivered"])]
        latencies = (_seconds(quantile(one.latency, share)) for share in (0.5, 0.99))
        table.add_row(Text(name, "bold"), *numbers, f"{one.retries:,}", *latencies)
    return table


def _share(requests: int, delivered: int) -> str:
    return f"{requests / delivered:.2f}" if delivered else "–"


def _seconds(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.1f} s" if value >= 1 else f"{value * 1000:.0f} ms"


def _reasons(figures: Mapping[str, Figures], destinations: Mapping[str, Destination[Any]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("not delivered")
    table.add_column("outcome")
    table.add_column("events", justify="right")
    table.add_column("reason")
    table.add_column("that is", style="dim", overflow="fold")
    for name, one in figures.items():
        for shown, (outcome, reason, events) in enumerate(_undelivered(one)):
            means = destinations[name].reasons.get(reason) or REASONS.get(reason, "")
            table.add_row(Text("" if shown else name, "bold"), outcome, f"{events:,}", reason, _lower(means))
    return table


def _lower(sentence: str) -> str:
    """As the mappings write theirs: without a capital and a full stop."""
    return sentence[:1].lower() + sentence[1:].rstrip(".")


def _undelivered(figures: Figures) -> Iterator[tuple[str, str, int]]:
    order = ("filtered", "skipped", "dead-lettered")
    rows = [(outcome, reason, n) for (outcome, reason), n in figures.settled.items() if outcome in order and n]
    yield from sorted(rows, key=lambda row: (order.index(row[0]), -row[2], row[1]))


def _books(figures: Mapping[str, Figures]) -> Iterator[Text]:
    yield Text("The books", "bold")
    for name, one in figures.items():
        ends = one.outcomes
        parts = {**{end: ends[end] for end in ("delivered", "filtered", "skipped", "dead-lettered")}}
        parts |= {"released": one.released, "pending": one.pending}
        total = " + ".join(f"{number:,} {part}" for part, number in parts.items())
        sign = "=" if one.balances() else "≠"
        yield Text(f"  {name:<9}{one.consumed:,} consumed {sign} {total}")


def _checked(check: Check) -> Text:
    if check.holds:
        return Text.assemble(("✓ ", "green"), check.statement)
    return Text.assemble(("✗ ", "bold red"), (check.statement, "red"), f" – but {check.found}")
