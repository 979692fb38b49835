"""``python -m bench``: start Apache Kafka, fill a topic, run the worker over it, print what it cost."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from bench.fleet import NotMeasured
from bench.run import Figures, Setting, measure
from bench.tls import make_tls
from bench.topic import fill
from bench.trouble import WELL, Kind, Trouble
from bench.workload import Workload
from worker.build import build
from worker.sandbox.brokers import BrokerUnavailable, apache

MILLISECOND = 0.001


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1: something was lost, late or sent twice."""
    given = _parser().parse_args(arguments)
    workload = Workload(events=given.events, users=given.users)
    results: dict[str, list[Figures]] = {}
    try:
        with tempfile.TemporaryDirectory() as temporary, apache(Path(temporary)) as cluster:
            print(
                f"the {build()} build; producing {workload.events:,} events of {workload.size} bytes …", file=sys.stderr
            )
            fill(cluster.bootstrap, workload)
            for latency in given.latencies:
                setting = Setting(
                    cluster.bootstrap,
                    workload,
                    latency * MILLISECOND,
                    given.concurrency,
                    Path(temporary),
                    Trouble(Kind.SLOW, given.slow) if given.slow else WELL,
                    make_tls(Path(temporary)) if given.tls else None,
                )
                results[f"{latency:g} ms"] = _runs(setting, given.runs)
    except (BrokerUnavailable, NotMeasured) as problem:
        print(problem, file=sys.stderr)
        return 1
    _show(results)
    if given.json:
        given.json.write_text(json.dumps(_as_json(results), indent=1))
    return 0 if all(_right(run) for runs in results.values() for run in runs) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--latencies", type=float, nargs="+", default=[0, 50], help="of the sink, in milliseconds")
    parser.add_argument("--runs", type=int, default=3, help="for each latency; the table shows the medians")
    parser.add_argument("--concurrency", type=int, default=0, help="the destination's setting; 0: its default")
    parser.add_argument("--slow", type=float, default=0.0, help="a tenth of the users is slow for so many seconds")
    parser.add_argument("--tls", action="store_true", help="requests go over TLS, verified")
    parser.add_argument("--json", type=Path, help="write every run's figures here")
    return parser


def _runs(setting: Setting, count: int) -> list[Figures]:
    runs = []
    for _ in range(count):
        runs.append(measure(setting))
        print(f"{setting.latency / MILLISECOND:g} ms: {_line(runs[-1])}", file=sys.stderr)
    return runs


def _line(run: Figures) -> str:
    return (
        f"{run.rate:,.0f} events/s, {run.cpu:.0f} µs CPU an event, {run.memory:.0f} MiB "
        f"({run.sink:.2f} cores for the sink, {run.others:.0%} of the machine for others)"
    )


def medians(runs: Sequence[Figures]) -> Figures:
    """Of each figure by itself; of what must be 0, the worst."""
    worst = {"late", "overlaps", "duplicates", "lost", "unknown"}
    values = {each.name: [getattr(run, each.name) for run in runs] for each in fields(Figures)}
    return Figures(**{name: max(of) if name in worst else median(of) for name, of in values.items()})


def _right(run: Figures) -> bool:
    return not (run.late or run.overlaps or run.duplicates or run.lost or run.unknown)


def _show(results: dict[str, list[Figures]]) -> None:
    table = Table("latency", "events/s", "CPU µs/event", "MiB", "open", "late", "overlap", "twice", "lost", "others")
    for column in table.columns:
        column.justify = "right"
    for latency, runs in results.items():
        of = medians(runs)
        shown = (f"{of.rate:,.0f}", f"{of.cpu:.0f}", f"{of.memory:.0f}", f"{of.peak_open:.0f}")
        table.add_row(
            latency, *shown, str(of.late), str(of.overlaps), str(of.duplicates), str(of.lost), f"{of.others:.0%}"
        )
    Console(width=100).print(table)


def _as_json(results: dict[str, list[Figures]]) -> dict[str, object]:
    return {
        latency: {"median": asdict(medians(runs)), "runs": [asdict(run) for run in runs]}
        for latency, runs in results.items()
    }


if __name__ == "__main__":
    sys.exit(main())
