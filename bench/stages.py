"""``python -m bench.stages``: what an event costs in each part of the worker alone, in µs of CPU.

``decode`` reads events; ``lane`` takes them through the core, with an answer made up; ``client`` sends requests to the
sink; ``runner`` is all of it: records from memory, requests to the sink, answers, commits that go nowhere. These four
run on one thread. ``kafka`` is the worker's consumer alone, with its threads, and starts Apache Kafka (Java 17, Maven).
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from statistics import median
from typing import Any, assert_never

import uvloop

from bench.in_memory import a_lane, a_transport, assigned, deliver, polls, positions
from bench.reading import a_topic, read
from bench.run import a_sink
from bench.workload import Workload
from mappings.contract import Request, Response
from worker.clock import steady_clock
from worker.core.decode import decode
from worker.core.effects import Send
from worker.core.faults import Fault
from worker.memory import COLLECT_AFTER
from worker.sandbox.brokers import BrokerUnavailable

TOGETHER = 64  # requests at once, of the client alone; answers at once, in the lane alone
MICROSECONDS = 1e6
SEEN = Response(200, {"content-type": "application/json"}, b'{"status":"success"}')
BODY = {"eventName": "Basket", "eventId": "pb-000000000-0000000-0000000", "eventval": {"sku": "x" * 100, "n": 1}}


@dataclass(slots=True)
class Spent:
    """CPU seconds of this process between two calls."""

    at: list[float] = field(default_factory=list)

    def __call__(self) -> None:
        if not self.at:
            gc.collect()
            gc.freeze()  # what is measured with is not what the worker would look through
        self.at.append(time.process_time())
        if len(self.at) > 1:
            gc.unfreeze()

    @property
    def seconds(self) -> float:
        began, ended = self.at
        return ended - began


def decoding(workload: Workload, watched: Callable[[], object]) -> None:
    """Bytes to events."""
    found = [record for poll in polls(workload) for of in poll.values() for record in of]
    watched()
    for record in found:
        decode(record, "Wigzo")
    watched()


def in_the_lane(workload: Workload, watched: Callable[[], object]) -> int:
    """Through the core, each request answered at once; how many there were."""
    found, lane, clock, answered = polls(workload), a_lane("http://127.0.0.1:1"), steady_clock(), 0
    lane.assign(assigned(workload))
    watched()
    for poll in found:
        now = clock()
        lane.receive(poll, positions(poll), now)
        while taken := lane.take(now, TOGETHER):
            answered += len(taken)
            lane.answer([(send, SEEN) for send in taken if isinstance(send, Send)], now)
        lane.committed(lane.commit(now), None)
    watched()
    return answered


async def by_the_client(requests: int, url: str, watched: Callable[[], object]) -> None:
    """The same request again and again, so many at once."""
    request = Request(
        method="POST", url=f"{url}/learn/event", operation="e", query=(("org_token", "bench"),), json=BODY
    )
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    left = answers = requests

    def go() -> None:
        nonlocal left
        if left:
            left -= 1
            transport.ask(request, {}, heard)

    def heard(came: Response | Fault) -> None:
        nonlocal answers
        if done.done():
            return
        if isinstance(came, Fault):
            done.set_exception(OSError(came.detail))
            return
        answers -= 1
        go()
        if not answers:
            done.set_result(None)

    async with a_transport(url) as transport:
        watched()
        for _ in range(TOGETHER):
            go()
        await done
        watched()


class Stage(StrEnum):
    DECODE = "decode"
    LANE = "lane"
    CLIENT = "client"
    RUNNER = "runner"
    KAFKA = "kafka"


IN_PROCESS = (Stage.DECODE, Stage.LANE, Stage.CLIENT, Stage.RUNNER)


def costs(stage: Stage, workload: Workload, runs: int) -> list[float]:
    """CPU seconds an event, of each run. Raises ``BrokerUnavailable``."""
    match stage:
        case Stage.DECODE:
            return [_spent(lambda spent: decoding(workload, spent), workload) for _ in range(runs)]
        case Stage.LANE:
            return [_spent(lambda spent: in_the_lane(workload, spent), workload) for _ in range(runs)]
        case Stage.CLIENT:
            return _at_a_sink(lambda url, spent: by_the_client(workload.events, url, spent), workload, runs)
        case Stage.RUNNER:
            return _at_a_sink(lambda url, spent: deliver(workload, url, spent), workload, runs)
        case Stage.KAFKA:
            with a_topic(workload) as topic:
                return [_spent(lambda spent: uvloop.run(read(topic, spent)), workload) for _ in range(runs)]
        case _:
            assert_never(stage)


def _spent(work: Callable[[Spent], object], workload: Workload) -> float:
    spent = Spent()
    work(spent)
    return spent.seconds / workload.events


def _at_a_sink(work: Callable[[str, Spent], Coroutine[Any, Any, None]], workload: Workload, runs: int) -> list[float]:
    """A new sink each time: its books are of one run."""
    found = []
    for _ in range(runs):
        with a_sink(workload, 0) as url:
            found.append(_spent(partial(_run, work, url), workload))
    return found


def _run(work: Callable[[str, Spent], Coroutine[Any, Any, None]], url: str, spent: Spent) -> None:
    uvloop.run(work(url, spent))


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1: there is no broker."""
    given = _parser().parse_args(arguments)
    gc.set_threshold(*COLLECT_AFTER)
    workload = Workload(events=given.events)
    try:
        for stage in given.stages or IN_PROCESS:
            _show(stage, costs(stage, workload, given.runs))
    except BrokerUnavailable as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


def _show(stage: Stage, seconds: Sequence[float]) -> None:
    of = [each * MICROSECONDS for each in seconds]
    print(f"{stage:8} {median(of):6.1f} µs an event   ({', '.join(f'{cost:.1f}' for cost in of)})")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.stages", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("stages", nargs="*", type=Stage, metavar="STAGE", help="default: all that need no Kafka")
    parser.add_argument("--events", type=int, default=40_000)
    parser.add_argument("--runs", type=int, default=3, help="the first figure is their median")
    return parser


if __name__ == "__main__":
    sys.exit(main())
