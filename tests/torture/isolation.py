"""What one destination's outage does to another's latency, measured in one run: ``python -m tests.torture.isolation``.

One worker serves both destinations under a steady load. First both are well, then one fails for ten minutes, in the way
that costs the worker most: it accepts every connection and answers with errors. Latency is from an event's place in
Kafka to its arrival at the vendor that is well.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Final

from tests.torture.acts import Misbehaviour
from tests.torture.evidence import came, logged
from tests.torture.kafka_cluster import Kafka, kafka
from tests.torture.load import Load
from tests.torture.place import Place, a_place
from tests.torture.vendors import vendors
from worker.sandbox.faults import Rule

RATE: Final = 100.0  # events a second
USERS: Final = 1000
ANSWER: Final = 0.02  # seconds that a vendor takes
SESSION: Final = 20.0
WARM_UP: Final = 20.0  # seconds that count for neither
AT_MOST: Final = 1.2  # times what it is without the outage
PAUSE: Final = 2.0  # seconds: who came last may be on its way still


@dataclass(frozen=True, slots=True)
class Latencies:
    """Seconds, of the destination that is well: the median and the 99th percentile, before and during the outage."""

    events: tuple[int, int]
    median: tuple[float, float]
    p99: tuple[float, float]
    behind: int  # events of the other one that waited at the end of its outage

    @property
    def ratio(self) -> float:
        return self.p99[1] / self.p99[0]


def measure(
    on: Kafka, folder: Path, *, well: float, down: float, rate: float = RATE, warm_up: float = WARM_UP
) -> Latencies:
    """``well`` and ``down`` are seconds."""
    with vendors(Rule(delay=ANSWER)) as served:
        place = a_place(on, served, folder, ["wigzo", "wootric"], SESSION)
        load = Load(on.bootstrap, place.topic, rate=rate, users=USERS, seed="isolation")
        with place.a_worker("relay", static=False) as worker, load:
            worker.until_metrics(lambda now: now.settled("wigzo") and now.settled("wootric"), "both are served")
            time.sleep(warm_up)
            begin = time.time()
            time.sleep(well)
            fails = time.time()
            served.misbehave(Misbehaviour("wootric", "down", down, seed=1))
            time.sleep(down)
            behind = sum(place.behind()["wootric"].values())
            end = time.time()
            spans = [(begin, fails), (fails, end)]
            found = _latencies(place, spans)
            assert worker.stop() == 0, worker.text()[-3000:]
    before, during = found
    cut = [quantiles(each, n=100) for each in found]
    return Latencies(
        events=(len(before), len(during)),
        median=(cut[0][49], cut[1][49]),
        p99=(cut[0][98], cut[1][98]),
        behind=behind,
    )


def _latencies(place: Place, spans: Sequence[tuple[float, float]]) -> list[list[float]]:
    """Of the events that came into Kafka within each span (Unix seconds)."""
    arrived = {(each.user, each.number): each.at for each in came(place.vendors.arrivals(), "wigzo")}
    written = {each.place: (each.user, each.number) for each in logged(place.records()) if each.number is not None}
    times = {(record.partition, record.offset): record.timestamp / 1000 for record in place.records()}
    return [
        [arrived[event] - times[at] for at, event in written.items() if begin <= times[at] < end - PAUSE]
        for begin, end in spans
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.torture.isolation", description=__doc__)
    parser.add_argument("--well", type=float, default=180.0, help="seconds before the outage")
    parser.add_argument("--down", type=float, default=600.0, help="seconds of outage")
    parser.add_argument("--rate", type=float, default=RATE, help="events a second")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, kafka(Path(folder), 1) as on:
        found = measure(on, Path(folder), well=given.well, down=given.down, rate=given.rate)
    for name, events, median, p99 in zip(("well", "outage"), found.events, found.median, found.p99, strict=True):
        print(f"{name:>7}: {events} events, median {median * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms")
    print(f"p99 during the other one's outage: {found.ratio:.2f} times; {found.behind} events waited for the other one")
    return 0 if found.ratio <= AT_MOST and found.behind else 1


if __name__ == "__main__":
    sys.exit(main())
