"""When each event arrives at the end of a bare pipe: a consumer with the worker's own options, and nothing behind it.

``python -m bench.stamps`` says ``ready`` once it has its place at the topic's end. It ends with its standard input, and
then writes one double for each event, in Unix seconds, 0 where it never came.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from array import array
from pathlib import Path

from kafka import KafkaConsumer, TopicPartition

from bench.books import MARKER
from worker.adapters.consumer import FETCHING
from worker.adapters.reader import POLL_MS, POLL_RECORDS

NUMBER = slice(len(MARKER), len(MARKER) + 9)


def event_of(body: bytes) -> int:
    """Which event it is, by its marker."""
    return int(body[body.index(MARKER) :][NUMBER])


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
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--to", type=Path, required=True, help="the file of the stamps")
    parser.add_argument("--broker", required=True)
    parser.add_argument("--topic", required=True)
    given = parser.parse_args()
    stamps = array("d", bytes(8 * given.events))
    consume(stamps, given.broker, given.topic)
    given.to.write_bytes(stamps.tobytes())


if __name__ == "__main__":
    main()
