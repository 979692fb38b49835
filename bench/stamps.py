"""When each event arrived: at the end of the whole way (a sink), and at the end of a bare pipe (a consumer).

``python -m bench.stamps sink`` says its port; ``… pipe`` says ``ready`` once it has its place at the topic's end. Both
end with their standard input, and then write one double for each event, in Unix seconds, 0 where it never came.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import threading
import time
from array import array
from pathlib import Path
from typing import cast

import uvloop
from kafka import KafkaConsumer, TopicPartition

from bench.books import MARKER
from bench.sink import ANSWER, HEAD_ENDS, content_length
from worker.adapters.consumer import FETCHING
from worker.adapters.reader import POLL_MS, POLL_RECORDS

NUMBER = slice(len(MARKER), len(MARKER) + 9)


def event_of(body: bytes) -> int:
    """Which event it is, by its marker."""
    return int(body[body.index(MARKER) :][NUMBER])


class Sink(asyncio.Protocol):
    """One connection: one request at a time, answered at once."""

    def __init__(self, stamps: array[float]) -> None:
        self._stamps = stamps
        self._waiting = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        now = time.time()
        data = self._waiting + data
        body_at = data.find(HEAD_ENDS) + len(HEAD_ENDS)
        if body_at < len(HEAD_ENDS) or len(data) < body_at + content_length(data[:body_at]):
            self._waiting = data
            return
        self._waiting = b""
        event = event_of(data[body_at:])
        self._stamps[event] = self._stamps[event] or now
        self._transport.write(ANSWER)


async def serve(stamps: array[float]) -> None:
    """Until the standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Sink(stamps), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


def consume(stamps: array[float], broker: str, topic: str) -> None:
    """A bare consumer with the worker's own options, until the standard input ends."""
    over = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=wait, daemon=True).start()
    consumer = KafkaConsumer(bootstrap_servers=broker, **FETCHING)
    try:
        partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
        consumer.assign(partitions)
        consumer.seek_to_end(*partitions)
        for partition in partitions:
            consumer.position(partition)
        print("ready", flush=True)
        while not over.is_set():
            found = consumer.poll(timeout_ms=POLL_MS, max_records=POLL_RECORDS)
            now = time.time()
            for records in found.values():
                for record in records:
                    stamps[event_of(record.value)] = now
    finally:
        consumer.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("end", choices=("sink", "pipe"))
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--to", type=Path, required=True, help="the file of the stamps")
    parser.add_argument("--broker", default="")
    parser.add_argument("--topic", default="")
    given = parser.parse_args()
    stamps = array("d", bytes(8 * given.events))
    if given.end == "sink":
        uvloop.run(serve(stamps))
    else:
        consume(stamps, given.broker, given.topic)
    given.to.write_bytes(stamps.tobytes())


if __name__ == "__main__":
    main()
