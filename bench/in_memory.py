"""A whole lane with its runner, on one thread and without Kafka: records from memory, commits that go nowhere."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import structlog
from kafka.consumer.fetcher import ConsumerRecord

from bench.workload import Workload, records
from mappings.wigzo import DESTINATION
from mappings.wigzo.settings import Account
from worker.adapters import http
from worker.adapters.http_bounds import Reach
from worker.adapters.reader import OUTSTANDING, POLL_RECORDS
from worker.clock import steady_clock
from worker.core.lane import Lane
from worker.core.policy import Policy
from worker.core.records import Assigned, Position, Record, TopicPartition
from worker.lane_log import LaneLog
from worker.runner import Runner

TOPIC = "bench"
POLICY = Policy(integration="Wigzo")
LOOK = 0.005  # seconds between two looks at whether everything is delivered
REQUEST_TIMEOUT = 30.0
DRAIN_TIMEOUT = 10.0

Poll = dict[TopicPartition, list[Record]]


def polls(workload: Workload) -> list[Poll]:
    """The workload as a consumer brings it."""
    offsets = [0] * workload.partitions
    found: list[Poll] = []
    for event, (key, value) in enumerate(records(workload)):
        if event % POLL_RECORDS == 0:
            found.append({})
        number = int(key[-7:]) % workload.partitions
        found[-1].setdefault(TopicPartition(TOPIC, number), []).append(_record(number, offsets[number], key, value))
        offsets[number] += 1
    return found


def _record(partition: int, offset: int, key: bytes, value: bytes) -> Record:
    record: Record = ConsumerRecord(
        topic=TOPIC,
        partition=partition,
        leader_epoch=0,
        offset=offset,
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
    return record


def positions(poll: Poll) -> dict[TopicPartition, int]:
    """Where reading goes on after it."""
    return {partition: of[-1].offset + 1 for partition, of in poll.items()}


def assigned(workload: Workload) -> list[Assigned]:
    """All of its partitions, from their beginning."""
    return [Assigned(TopicPartition(TOPIC, number), Position(0)) for number in range(workload.partitions)]


def a_lane(url: str) -> Lane:
    """Wigzo's, with the default policy."""
    settings = Account(org_token="bench", base_url=url)  # noqa: S106  (the sink takes any)
    return Lane(DESTINATION, settings, POLICY, random=random.random, version="1")


def a_transport(url: str) -> http.Transport:
    """The worker's own HTTP client."""
    return http.Transport(Reach(frozenset([url]), 5.0, REQUEST_TIMEOUT, POLICY.most_open))


class Memory:
    """A consumer whose polls are in memory. As Kafka's does, it brings the next ones when those before are taken."""

    def __init__(self, runner: Runner, workload: Workload, found: Sequence[Poll]) -> None:
        self.ends: Mapping[TopicPartition, int] = {}
        self.topic_partitions: Mapping[str, int] = {TOPIC: workload.partitions}
        self.turns = 0
        self.lease_until = float("inf")
        self.metadata_ignored = 0
        self._runner = runner
        self._workload = workload
        self._soon = asyncio.get_running_loop().call_soon
        self._rest: Iterator[Poll] = iter(found)
        self._paused: frozenset[TopicPartition] = frozenset()
        self._held = 0

    def start(self) -> None:
        self._soon(self._runner.assigned, assigned(self._workload))
        for _ in range(OUTSTANDING):
            self._soon(self._next)

    def _next(self) -> None:
        if self._paused:  # whole polls wait: they hold records of every partition
            self._held += 1
        elif (poll := next(self._rest, None)) is not None:
            self._runner.received(poll, positions(poll))

    def pause_only(self, partitions: frozenset[TopicPartition]) -> None:
        self._paused = partitions
        if not partitions:
            for _ in range(self._held):
                self._soon(self._next)
            self._held = 0

    def commit(self, positions: Mapping[TopicPartition, Position]) -> None:
        self._soon(self._runner.committed, positions, None)

    def taken(self) -> None:
        self._soon(self._next)

    def close(self) -> None:
        self._soon(self._runner.closed)


class NoProducer:
    """Nothing becomes a dead letter here."""

    def send(self, topic: str, **_: object) -> None:
        raise AssertionError(f"a dead letter for {topic}")


async def deliver(workload: Workload, url: str, watched: Callable[[], object]) -> None:
    """All of it, by a runner. ``watched`` is called right before the first event is handed in, and after the last."""
    failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    runner = _a_runner(url, failed.set_exception)
    runner.consumer = Memory(runner, workload, polls(workload))
    watched()
    running = asyncio.create_task(runner.run())
    while runner.tally.settled["delivered", ""] < workload.events and not failed.done():  # noqa: ASYNC110  (a plain number, as the hot path has it)
        await asyncio.sleep(LOOK)
    watched()
    await runner.stop()
    await running
    if failed.done():
        failed.result()


def _a_runner(url: str, failed: Callable[[BaseException], None]) -> Runner:
    return Runner(
        name="wigzo",
        reasons=(),
        lane=a_lane(url),
        transport=a_transport(url),
        producer=NoProducer(),
        dead_letters="dead",
        concurrency=POLICY.most_open,
        request_timeout=REQUEST_TIMEOUT,
        drain_timeout=DRAIN_TIMEOUT,
        clock=steady_clock(),
        reread=lambda: (None, ()),
        failed_with=failed,
        log=LaneLog(structlog.get_logger(), "wigzo"),
    )
