"""The demo on a terminal: progress while it runs, then each destination's figures, the books and what was checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from rich import box
from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from worker.demo.checks import Check
from worker.demo.figures import Figures, quantile

PRODUCED = "Kafka"
NOT_DELIVERED = ("filtered", "skipped", "dead-lettered")


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


def report(figures: Mapping[str, Figures], found: Iterable[Check]) -> RenderableType:
    """Everything that is said at the end. What each reason means is in docs/reasons.md."""
    return Group(_table(figures), *_books(figures), "", *map(_checked, found))


def _table(figures: Mapping[str, Figures]) -> Table:
    """A column for each destination, so that it fits a narrow terminal."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("events", min_width=36)
    for name in figures:
        table.add_column(name, justify="right", min_width=9)
    for label, cells in _rows(figures):
        table.add_row(label, *cells)
    return table


def _rows(figures: Mapping[str, Figures]) -> Iterator[tuple[Text, list[str]]]:
    each = figures.values()
    yield Text("delivered", "bold"), [f"{one.outcomes['delivered']:,}" for one in each]
    for outcome, reason in _undelivered(each):
        counts = [one.settled[outcome, reason] for one in each]
        yield Text.assemble(outcome, ": ", (reason, "dim")), [f"{count:,}" if count else "–" for count in counts]
    yield Text("requests"), [f"{one.requests:,}" for one in each]
    yield Text("requests per delivered event"), [_share(one.requests, one.outcomes["delivered"]) for one in each]
    yield Text("tries again"), [f"{one.retries:,}" for one in each]
    for share in (0.5, 0.99):
        latencies = [_seconds(quantile(one.latency, share)) for one in each]
        yield Text(f"Kafka to settled, p{round(share * 100)}"), latencies


def _share(requests: int, delivered: int) -> str:
    return f"{requests / delivered:.2f}" if delivered else "–"


def _seconds(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.1f} s" if value >= 1 else f"{value * 1000:.0f} ms"


def _undelivered(figures: Iterable[Figures]) -> list[tuple[str, str]]:
    """Outcomes and reasons that any destination has, the most frequent reason first."""
    total = sum((one.settled for one in figures), Counter[tuple[str, str]]())
    rows = [(outcome, reason) for outcome, reason in total if outcome in NOT_DELIVERED]
    return sorted(rows, key=lambda row: (NOT_DELIVERED.index(row[0]), -total[row], row[1]))


def _books(figures: Mapping[str, Figures]) -> Iterator[Text]:
    yield Text("consumed = delivered + filtered + skipped + dead-lettered + released + pending", "bold")
    for name, one in figures.items():
        ends = one.outcomes
        parts = [*(ends[end] for end in ("delivered", *NOT_DELIVERED)), one.released, one.pending]
        sign = "=" if one.balances() else "≠"
        yield Text(f"  {name:<9} {one.consumed:,} {sign} {' + '.join(f'{part:,}' for part in parts)}")


def _checked(check: Check) -> Text:
    if check.holds:
        return Text.assemble(("✓ ", "green"), check.statement)
    return Text.assemble(("✗ ", "bold red"), (check.statement, "red"), f" – but {check.found}")
