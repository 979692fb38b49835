"""``python -m bench.requests``: how many requests an event costs, through the whole worker, at the vendors' stand-ins.

An audience tool's first sync (so many identifies of different users), the same again unchanged, and once more with a
tenth of them changed; then the demo's sample stream. Beside each, what the same events cost one by one, with nothing
remembered and nothing merged.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.stand import Stand, a_stand
from bench.syncs import SYNCS, identifies
from worker import config
from worker.demo.one_by_one import Expected, expected
from worker.demo.sample import Sample, records
from worker.sandbox.brokers import BrokerUnavailable

SAMPLED = 1_000  # users, from whom the requests of a whole sync one by one are reckoned: each costs the same
SAMPLE = 3_825  # the demo's stream, once


@dataclass(frozen=True, slots=True)
class Row:
    """What so many events took; ``one_by_one`` is what they would have taken."""

    what: str
    destination: str
    events: int
    requests: int
    one_by_one: float
    memory: float  # MiB, the worker's at the end

    def __str__(self) -> str:
        each = self.requests / self.events
        shown = (
            f"{self.events:,}",
            f"{self.requests:,}",
            f"{each:.2f}",
            f"{self.one_by_one / self.events:.2f}",
            f"{self.memory:.0f} MiB",
        )
        return f"| {self.what} | {self.destination} | {' | '.join(shown)} |"


HEADER = """\
| | destination | events | requests | requests an event | one by one | memory |
|---|---|---|---|---|---|---|"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1: an unchanged user cost a request, a changed one more than one, or a new one more than two."""
    given = _parser().parse_args(arguments)
    deadline = time.monotonic() + given.seconds
    rows: list[Row] = []
    print(HEADER, flush=True)
    try:
        with tempfile.TemporaryDirectory() as temporary, a_stand(Path(temporary), deadline) as stand:
            for row in (*_syncs(stand, given.users), *_stream(stand)):
                print(row, flush=True)
                rows.append(row)
    except (BrokerUnavailable, TimeoutError) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0 if all(row.requests <= most * given.users for row, (_, _, most) in zip(rows, SYNCS, strict=False)) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.requests", description=__doc__)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=600, help="of patience, for all of it")
    return parser


def _syncs(stand: Stand, users: int) -> Iterator[Row]:
    with stand.worker("sync", "wootric") as worker:
        few: list[Sample] = []
        before = 0
        for what, state, _ in SYNCS:
            few += [Sample(key, value) for key, value in identifies(SAMPLED, state)]
            so_far = _one_by_one(stand.config, few).requests["wootric"].total()
            asked = worker.requests("wootric")
            stand.produce("sync", identifies(users, state))
            worker.settle("wootric", users)
            requests = worker.requests("wootric") - asked
            yield Row(what, "wootric", users, requests, (so_far - before) * users / SAMPLED, worker.memory)
            before = so_far


def _stream(stand: Stand) -> Iterator[Row]:
    stream = records(SAMPLE)
    stand.produce("stream", ((one.key, one.value) for one in stream))
    with stand.worker("stream", "wootric", "wigzo") as worker:
        alone = _one_by_one(stand.config, stream)
        for name in ("wootric", "wigzo"):
            events = alone.events[name].total()
            worker.settle(name, events)
            requests = worker.requests(name)
            yield Row("sample stream", name, events, requests, alone.requests[name].total(), worker.memory)


def _one_by_one(path: Path, events: Sequence[Sample]) -> Expected:
    """In memory: no cache, no merging."""
    numbered = [replace(one, offset=number) for number, one in enumerate(events)]
    return expected(numbered, config.load(path, {}).destinations.values(), time.time())


if __name__ == "__main__":
    sys.exit(main())
