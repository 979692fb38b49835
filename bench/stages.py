"""``python -m bench.stages``: what an event costs in each part of the worker alone, on one thread and without Kafka.

``decode`` reads events, ``lane`` takes them through the core with an answer made up, ``client`` sends requests to the
sink, ``runner`` is all of it: records from memory, requests to the sink, answers, commits that go nowhere.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import median

import structlog
import uvloop
from kafka.consumer.fetcher import ConsumerRecord

from bench.run import a_sink
from bench.workload import Workload, records
from mappings.contract import Request, Response
from mappings.wigzo import DESTINATION
from mappings.wigzo.settings import Account
from worker.adapters import http
from worker.adapters.http_bounds import Reach
from worker.adapters.reader import POLL_RECORDS
from worker.app import COLLECT_AFTER
from worker.clock import steady_clock
from worker.core.decode import decode
from worker.core.effects import Send
from worker.core.faults import Fault
from worker.core.lane import Lane
from worker.core.policy import Policy
from worker.core.records import Assigned, Position, Record, TopicPartition
from worker.lane_log import LaneLog
from worker.runner import Runner

OPEN = 512
BUFFER = 10_000
TOPIC = "bench"
SEEN = Response(200, {"content-type": "application/json"}, b'{"status":"success"}')

Poll = dict[TopicPartition, list[Record]]


def polls(workload: Workload) -> list[Poll]:
    """The workload as a consumer brings it."""
    offsets = [0] * workload.partitions
    found: list[Poll] = []
    for event, (key, value) in enumerate(records(workload)):
        if event % POLL_RECORDS == 0:
            found.append({})
        partition = int(key[-7:]) % workload.partitions
        record = ConsumerRecord(
            topic=TOPIC,
            partition=partition,
            leader_epoch=0,
            offset=offsets[partition],
            timestamp=int(time.time() * 1000),
            timestamp_type=0,
            key=key,
            value=value,
            headers=[],
            checksum=None,
            serialized_key_size=len(key),
            serialized_value_size=len(value),
            serialized_header_size=-1,
        )
        offsets[partition] += 1
        found[-1].setdefault(TopicPartition(TOPIC, partition), []).append(record)
    return found


def positions(poll: Poll) -> dict[TopicPartition, int]:
    """Where reading goes on after it."""
    return {partition: of[-1].offset + 1 for partition, of in poll.items()}


def a_lane(url: str) -> Lane:
    """The one that is measured: Wigzo's."""
    settings = Account(org_token="bench", base_url=url)  # noqa: S106  (the sink takes any)
    return Lane(
        DESTINATION,
        settings,
        Policy(integration="Wigzo", concurrency=OPEN, buffer_events=BUFFER),
        random=random.random,
        version="1",
    )


def assigned(workload: Workload) -> list[Assigned]:
    """All of its partitions, from their beginning."""
    return [Assigned(TopicPartition(TOPIC, number), Position(0)) for number in range(workload.partitions)]


def decoding(workload: Workload) -> Callable[[], None]:
    found = polls(workload)

    def work() -> None:
        for poll in found:
            for of in poll.values():
                for record in of:
                    decode(record, "Wigzo")

    return work


def in_the_lane(workload: Workload) -> Callable[[], None]:
    found = polls(workload)
    clock = steady_clock()
    lane = a_lane("http://127.0.0.1:1")
    lane.assign(assigned(workload))

    def work() -> None:
        for poll in found:
            now = clock()
            lane.receive(poll, positions(poll), now)
            while sends := _taken(lane, now):
                for send in sends:
                    lane.answer(send, SEEN, now)
            lane.committed(lane.commit(now), None)

    return work


def _taken(lane: Lane, now: float) -> list[Send]:
    sends: list[Send] = []
    while len(sends) < OPEN and isinstance(send := lane.take(now), Send):
        sends.append(send)
    return sends


class Memory:
    """A consumer whose records are in memory, and whose commits go nowhere."""

    def __init__(self, runner: Runner, workload: Workload, found: Sequence[Poll]) -> None:
        self.ends: Mapping[TopicPartition, int] = {}
        self.topic_partitions: Mapping[str, int] = {TOPIC: workload.partitions}
        self.turns = 0
        self.lease_until = float("inf")
        self.metadata_ignored = 0
        self._runner = runner
        self._workload = workload
        self._loop = asyncio.get_running_loop()
        self._rest: Iterator[Poll] = iter(found)
        self._paused: frozenset[TopicPartition] = frozenset()
        self._held = False

    def start(self) -> None:
        self._loop.call_soon(self._runner.assigned, assigned(self._workload))
        self._loop.call_soon(self._next)
        self._loop.call_soon(self._next)

    def _next(self) -> None:
        if self._paused:  # the whole poll waits: it holds records of every partition
            self._held = True
            return
        poll = next(self._rest, None)
        if poll is not None:
            self._runner.received(poll, positions(poll))

    def pause_only(self, partitions: frozenset[TopicPartition]) -> None:
        self._paused = partitions
        if self._held and not partitions:
            self._held = False
            self._loop.call_soon(self._next)

    def commit(self, positions: Mapping[TopicPartition, Position]) -> None:
        self._loop.call_soon(self._runner.committed, positions, None)

    def taken(self) -> None:
        self._loop.call_soon(self._next)

    def close(self) -> None:
        self._loop.call_soon(self._runner.closed)


class NoProducer:
    """Nothing becomes a dead letter here."""

    def send(self, topic: str, **_: object) -> None:
        raise AssertionError(f"a dead letter for {topic}")


async def through_the_runner(workload: Workload, url: str) -> float:
    """CPU seconds an event."""
    loop = asyncio.get_running_loop()
    failed: asyncio.Future[None] = loop.create_future()
    lane = a_lane(url)
    runner = Runner(
        name="wigzo",
        reasons=(),
        lane=lane,
        transport=http.Transport(Reach(frozenset([url]), 5.0, 30.0, OPEN)),
        producer=NoProducer(),
        dead_letters="dead",
        concurrency=OPEN,
        request_timeout=30.0,
        drain_timeout=10.0,
        clock=steady_clock(),
        reread=lambda: (None, ()),
        failed_with=failed.set_exception,
        log=LaneLog(structlog.get_logger(), "wigzo"),
    )
    runner.consumer = Memory(runner, workload, polls(workload))
    gc.collect()
    gc.freeze()
    began, cpu = time.perf_counter(), time.process_time()
    task = loop.create_task(runner.run())
    while lane.tally.settled["delivered", ""] < workload.events and not failed.done():  # noqa: ASYNC110  (a plain number, as the hot path has it)
        await asyncio.sleep(0.005)
    cost, took = time.process_time() - cpu, time.perf_counter() - began
    await runner.stop()
    await task
    if failed.done():
        failed.result()
    print(f"  {workload.events / took:,.0f} events/s", file=sys.stderr)
    return cost / workload.events


async def by_the_client(requests: int, url: str) -> float:
    """CPU seconds a request: the same one, again and again."""
    body = {"eventName": "Basket", "eventId": "pb-000000000-0000000-0000000", "eventval": {"sku": "x" * 100, "n": 1}}
    request = Request(
        method="POST", url=f"{url}/learn/event", operation="e", query=(("org_token", "bench"),), json=body
    )
    async with http.Transport(Reach(frozenset([url]), 5.0, 30.0, OPEN)) as transport:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        left = answers = requests

        def go() -> None:
            nonlocal left
            if left:
                left -= 1
                transport.ask(request, {}, heard)

        def heard(_came: Response | Fault) -> None:
            nonlocal answers
            answers -= 1
            if answers:
                go()
            else:
                done.set_result(None)

        cpu = time.process_time()
        for _ in range(64):
            go()
        await done
        return (time.process_time() - cpu) / requests


def timed(work: Callable[[], None], events: int) -> float:
    """CPU seconds an event."""
    gc.collect()
    gc.freeze()
    cpu = time.process_time()
    work()
    return (time.process_time() - cpu) / events


STAGES = ("decode", "lane", "client", "runner")


def run(stage: str, workload: Workload) -> float:
    """CPU seconds an event, once."""
    gc.set_threshold(*COLLECT_AFTER)
    match stage:
        case "decode":
            return timed(decoding(workload), workload.events)
        case "lane":
            return timed(in_the_lane(workload), workload.events)
        case "client":
            with a_sink(workload, 0) as url:
                return uvloop.run(by_the_client(workload.events, url))
        case _:
            with a_sink(workload, 0) as url:
                return uvloop.run(through_the_runner(workload, url))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.stages", description=__doc__)
    parser.add_argument("stages", nargs="*", default=STAGES)
    parser.add_argument("--events", type=int, default=40_000)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    for stage in given.stages:
        costs = [run(stage, Workload(events=given.events)) * 1e6 for _ in range(given.runs)]
        print(f"{stage:8} {median(costs):6.1f} µs   ({', '.join(f'{cost:.1f}' for cost in costs)})")


if __name__ == "__main__":
    main()
