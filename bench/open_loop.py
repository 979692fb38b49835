"""A load that waits for nobody: records encoded beforehand, written to Kafka at the moments that were meant for them.

Who stalls, the broker or whoever reads, is not spared what comes meanwhile. A process of its own that costs next to
nothing while it runs: ``python -m bench.open_loop`` encodes, says ``ready``, takes the time of the first moment from
its standard input, and in the end says how late its writes were (JSON, seconds).
"""

from __future__ import annotations

import argparse
import json
import random
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal

from kafka.record.memory_records import MemoryRecordsBuilder

from bench.children import Child, a_child
from bench.workload import Marker, user_id, value

LEAD: Final = 0.5  # seconds from the last word to the first moment
TICK: Final = 0.001  # seconds between two moments: what is meant for less than that apart goes out together
PRODUCE: Final = struct.pack(">hh", 0, 8)  # the request's kind and version: the last one without tagged fields
ACKNOWLEDGED_BY_LEADER: Final = 1
TIMEOUT_MS: Final = 30_000
BATCH: Final = 1 << 20

Arrivals = Literal["even", "poisson"]


@dataclass(frozen=True, slots=True)
class Plan:
    """``rate`` events a second for ``seconds``, of users drawn evenly. The same for the same ``seed``."""

    rate: float
    seconds: float
    arrivals: Arrivals = "poisson"
    users: int = 20_000
    partitions: int = 12
    size: int = 600
    seed: int = 1

    def moments(self) -> list[int]:
        """Each event's moment, in ticks from the first one."""
        chance, at, found = random.Random(self.seed), 0.0, list[int]()
        while True:
            at += 1 / self.rate if self.arrivals == "even" else chance.expovariate(self.rate)
            if at >= self.seconds:
                return found
            found.append(int(at / TICK))

    def speakers(self) -> Iterator[int]:
        """Whose each event is, for ever."""
        chance = random.Random(self.seed)
        while True:
            yield chance.randrange(self.users)


def writes(plan: Plan, topic: str) -> Iterator[tuple[int, bytes]]:
    """Tick and request of each write."""
    places = [0] * plan.users
    batches: dict[int, MemoryRecordsBuilder] = {}
    latest = 0
    for event, (tick, user) in enumerate(zip(plan.moments(), plan.speakers(), strict=False)):
        if tick != latest and batches:
            yield latest, _request(topic, batches)
            batches = {}
        latest = tick
        batch = batches.setdefault(user % plan.partitions, MemoryRecordsBuilder(2, 0, BATCH))
        body = value(Marker(event, user, places[user]), plan.size)
        batch.append(timestamp=round(time.time() * 1000), key=user_id(user).encode(), value=body)
        places[user] += 1
    if batches:
        yield latest, _request(topic, batches)


def _request(topic: str, batches: dict[int, MemoryRecordsBuilder]) -> bytes:
    """Kafka's own protocol: https://kafka.apache.org/protocol#The_Messages_Produce"""
    name = topic.encode()
    body = struct.pack(">hhiih", -1, ACKNOWLEDGED_BY_LEADER, TIMEOUT_MS, 1, len(name)) + name
    body += struct.pack(">i", len(batches))
    for partition, batch in batches.items():
        batch.close()
        records = bytes(batch.buffer())
        body += struct.pack(">ii", partition, len(records)) + records
    head = PRODUCE + struct.pack(">ih", 0, -1)  # correlation: nobody looks at the answers; client: without a name
    return struct.pack(">i", len(head) + len(body)) + head + body


def write(connection: socket.socket, requests: Sequence[tuple[int, bytes]], begin: float) -> list[float]:
    """Write each at its moment after ``begin`` (Unix seconds); by how many seconds each came late."""
    late = []
    for tick, request in requests:
        due = begin + tick * TICK
        while (wait := due - time.time()) > 0:
            time.sleep(wait)
        connection.sendall(request)
        late.append(time.time() - due)
    return late


@dataclass(frozen=True, slots=True)
class Load:
    """The process that writes it, once it is ready."""

    child: Child

    def begin(self, at: float) -> None:
        """The first moment, in Unix seconds."""
        self.child.say(str(at))

    def late(self) -> list[float]:
        """By how many seconds each write came late, when all are done."""
        return [float(each) for each in json.loads(self.child.heard())]


@contextmanager
def a_load(plan: Plan, broker: str, topic: str) -> Iterator[Load]:
    """Ready to begin."""
    sizes = ("--rate", str(plan.rate), "--seconds", str(plan.seconds), "--arrivals", plan.arrivals)
    with a_child("bench.open_loop", "--broker", broker, "--topic", topic, *sizes) as child:
        child.heard()
        yield Load(child)


def _drain(connection: socket.socket) -> None:
    while connection.recv(1 << 16):
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--broker", required=True, help="the one that leads all partitions")
    parser.add_argument("--topic", required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--arrivals", choices=("even", "poisson"), required=True)
    given = parser.parse_args()
    host, _, port = given.broker.rpartition(":")
    requests = list(writes(Plan(given.rate, given.seconds, given.arrivals), given.topic))
    connection = socket.create_connection((host, int(port)))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    threading.Thread(target=_drain, args=(connection,), daemon=True).start()
    print("ready", flush=True)
    late = write(connection, requests, float(sys.stdin.readline()))
    print(json.dumps(late), flush=True)


if __name__ == "__main__":
    main()
