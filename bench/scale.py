"""``python -m bench.scale CASE``: how the worker fares with more of everything, on Apache Kafka and the bench's sink.

Each case prints its slices as they go, and one row of a Markdown table at the end. It ends by itself in time.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bench.books import Account
from bench.crowds import Crowd, Shape, fill
from bench.fleet import Fleet, a_fleet
from bench.launch import Launch, wigzo, wootric
from bench.restart import passed_over
from bench.run import a_sink, books
from bench.slices import HEADER, Slice, slices, steady
from bench.stand import the_vendors
from bench.workload import Workload
from worker.sandbox.brokers import BrokerUnavailable, apache

TOPIC = "scale"
SLICES = 10
STOPPED = "stopped in time, before its end;"


@dataclass(frozen=True, slots=True)
class Case:
    """``lanes``: 2 adds a Wootric lane, which reads the same topic more slowly."""

    what: str
    crowd: Crowd
    workers: int = 1
    lanes: int = 1


CASES = {
    "one-worker": Case("1 worker", Crowd(300_000, 20_000)),
    "two-workers": Case("2 workers", Crowd(300_000, 20_000), workers=2),
    "four-workers": Case("4 workers", Crowd(300_000, 20_000), workers=4),
    "big": Case("a big topic", Crowd(1_000_000, 100_000)),
    "partitions": Case("100 partitions", Crowd(300_000, 20_000, partitions=100)),
    "first-sync": Case(
        "a first sync: identifies of different users", Crowd(1_000_000, 1_000_000, shape=Shape.DISTINCT)
    ),
    "one-user": Case("one user with half of the events", Crowd(200_000, 20_000, shape=Shape.ONE)),
    "zipf": Case("Zipf's law, exponent 1.1", Crowd(300_000, 100_000, shape=Shape.ZIPF)),
    "restart": Case("a restart, all but 12 settled ahead", Crowd(500_000, 20_000, shape=Shape.STUCK)),
    "two-lanes": Case("two lanes, one far behind", Crowd(500_000, 20_000), lanes=2),
}
COLUMNS = """\
| | workers | events | events/s | CPU µs an event | MiB | took | late | overlap | twice | lost | |
|---|---|---|---|---|---|---|---|---|---|---|---|"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1: something was lost, late or sent twice, or the time was too short."""
    given = _parser().parse_args(arguments)
    case = CASES[given.case]
    crowd = replace(case.crowd, events=given.events or case.crowd.events)
    if crowd.shape is Shape.DISTINCT:
        crowd = replace(crowd, users=crowd.events)
    try:
        with tempfile.TemporaryDirectory() as temporary, apache(Path(temporary)) as cluster:
            print(f"producing {crowd.events:,} events of {crowd.size} bytes …", file=sys.stderr)
            fill(cluster.bootstrap, TOPIC, crowd)
            return _run(replace(case, crowd=crowd), cluster.bootstrap, Path(temporary), given)
    except (BrokerUnavailable, RuntimeError, TimeoutError) as problem:
        print(problem, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("case", choices=CASES)
    parser.add_argument("--events", type=int, help="another number than the case's")
    parser.add_argument("--latency", type=float, default=0, help="of the sink, in milliseconds")
    parser.add_argument("--concurrency", type=int, default=512, help="the destination's setting; 0: its default")
    parser.add_argument("--seconds", type=float, default=120, help="that the run may take, once the topic is full")
    return parser


def _run(case: Case, bootstrap: Sequence[str], folder: Path, given: argparse.Namespace) -> int:
    crowd, deadline = case.crowd, time.monotonic() + given.seconds
    stuck = crowd.partitions if crowd.shape is Shape.STUCK else 0
    workload = Workload(events=crowd.events, users=crowd.users)
    with ExitStack() as exits:
        sink = exits.enter_context(a_sink(workload, given.latency / 1000, failing=stuck))
        lanes = wigzo(sink, concurrency=given.concurrency)
        if case.lanes > 1:
            lanes = {**lanes, **wootric(exits.enter_context(the_vendors(folder, deadline)))}
        launch = Launch(bootstrap, TOPIC, TOPIC, lanes, folder)
        fleet = exits.enter_context(a_fleet(launch, case.workers))
        print(HEADER, flush=True)
        found, wanted = [], crowd.events - stuck
        for one in slices(fleet, partial(books, sink), wanted, wanted // SLICES, deadline):
            print(one, flush=True)
            found.append(one)
        note = _note(case, fleet, found)
        fleet.stop()
        if stuck:
            note = passed_over(launch, sink, crowd.events, stuck, deadline)
        account = books(sink)
    if account.arrived < crowd.events and time.monotonic() > deadline:
        note = f"{STOPPED} {note}"
    print(COLUMNS, _row(case, found, account, note), sep="\n", flush=True)
    return 0 if account.arrived == crowd.events and not _wrong(account) else 1


def _note(case: Case, fleet: Fleet, found: Sequence[Slice]) -> str:
    if case.workers > 1:
        return "of the events: " + ", ".join(f"{share:.0%}" for share in fleet.shares())
    if case.lanes > 1:
        return f"Wootric had settled {fleet.members[0].admin.total('events_settled_total', 'wootric'):,} by then"
    if case.crowd.shape is Shape.ONE:
        return f"all together {found[0].rate:,.0f}/s at first, and that user alone {found[-1].rate:,.0f}/s at last"
    return ""


def _row(case: Case, found: list[Slice], account: Account, note: str) -> str:
    of = steady(found)
    shown = (
        case.what,
        str(case.workers),
        f"{case.crowd.events:,}",
        f"{of.rate:,.0f}",
        f"{of.cpu:.0f}",
        f"{of.memory:.0f}",
        f"{account.last - account.first:.0f} s",
        str(account.late),
        str(account.overlaps),
        str(account.duplicates),
        "?" if note.startswith(STOPPED) else str(case.crowd.events - account.arrived),
        note,
    )
    return f"| {' | '.join(shown)} |"


def _wrong(account: Account) -> bool:
    return bool(account.late or account.overlaps or account.duplicates or account.unknown)


if __name__ == "__main__":
    sys.exit(main())
