"""``python -m tests.torture``: workers, their Kafka and their vendors, tortured by a seeded schedule; what came of it.

Exit code 1: something was lost, out of order, sent again without a cause, or a worker did what it must not.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from tests.torture import figures
from tests.torture.kafka_cluster import kafka
from tests.torture.round import Outcome, torture
from tests.torture.schedule import Round, schedule
from worker.sandbox.brokers import BrokerUnavailable

SHOWN = 20  # violations of a round


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    rounds = schedule(given.seed, given.minutes, without=frozenset(given.without))
    chosen = [each for number, each in enumerate(rounds) if given.rounds is None or number in given.rounds]
    if given.show:
        for each in chosen:
            print(*_shown(each), sep="\n")
        return 0
    begin = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # whatever it started ends with it
    try:
        outcomes = list(_run(chosen, given))
    except BrokerUnavailable as problem:
        print(problem, file=sys.stderr)
        return 1
    print(f"seed {given.seed}, {len(outcomes)} rounds, {(time.monotonic() - begin) / 60:.0f} minutes")
    print(*figures.lines(outcomes), sep="\n")
    return 1 if figures.faults(outcomes) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--seed", type=int, default=57)  # its 24 minutes have 315 crashes, 100 rollouts, 60 brokers
    parser.add_argument("--minutes", type=float, default=24, help="of acts; the peace after each round comes on top")
    parser.add_argument("--rounds", type=int, nargs="*", help="only these, by their numbers from 0")
    parser.add_argument("--rate", type=float, default=60, help="events a second")
    parser.add_argument("--users", type=int, default=200)
    parser.add_argument("--without", nargs="*", default=[], help="acts that are left out, by name: Freeze Visit")
    parser.add_argument("--show", action="store_true", help="print the schedule and do nothing")
    parser.add_argument("--keep", type=Path, help="the folder for logs and Kafka's data, which is kept")
    return parser


def _run(rounds: Iterable[Round], given: argparse.Namespace) -> Iterator[Outcome]:
    for nodes, same in groupby(rounds, key=lambda each: each.nodes):
        with tempfile.TemporaryDirectory() as temporary:
            folder = (given.keep or Path(temporary)) / f"{nodes}-nodes"
            folder.mkdir(parents=True)
            with kafka(folder, nodes) as cluster:
                for number, plan in enumerate(same):
                    own = folder / f"round-{number}"
                    own.mkdir()
                    begin = time.monotonic()
                    outcome = torture(plan, cluster, own, rate=given.rate, users=given.users, say=_say)
                    _say(
                        f"round {plan.seed}, {time.monotonic() - begin:.0f} s:",
                        *figures.lines([outcome]),
                        *outcome.faults[:SHOWN],
                    )
                    yield outcome


def _shown(plan: Round) -> Iterator[str]:
    members = ", ".join("static" if each else "dynamic" for each in plan.static)
    yield f"round {plan.seed}: {plan.seconds:g} s, nodes of Kafka: {plan.nodes}, workers: {members}"
    yield from map(str, plan.acts)


def _say(*lines: str) -> None:
    print(*lines, sep="\n  ", flush=True)


if __name__ == "__main__":
    sys.exit(main())
