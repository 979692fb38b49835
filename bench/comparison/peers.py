"""Who is compared: each gets the same topic and the same sink, and its best settings for that job."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from bench.comparison.building import CAMEL, CONNECT, PARALLEL_CONSUMER, PYTHON, Build, java
from bench.launch import Launch, wigzo
from worker.sandbox.processes import LOCAL

OURS = "segment-relay"


@dataclass(frozen=True, slots=True)
class Errand:
    """What a peer is to do: deliver this topic to this sink; ``folder`` is its own."""

    bootstrap: str
    topic: str
    group: str
    sink: str
    folder: Path

    @property
    def url(self) -> str:
        return f"{self.sink}/v1/events"


@dataclass(frozen=True, slots=True)
class Peer:
    """``order`` is what it means to keep: "key", "partition" or "none".

    ``sequential``: one request at a time. ``fast``: it gets through enough, where the sink answers at once, to be
    measured warm and to be killed in the middle of more than it has not committed yet. ``build`` is nothing for
    ourselves.
    """

    name: str
    order: str
    version: Callable[[], str]
    command: Callable[[Errand], Sequence[str]]
    build: Build | None = None
    sequential: bool = False
    fast: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)

    def told(self, errand: Errand) -> dict[str, str]:
        """Its environment."""
        told = {"BOOTSTRAP": errand.bootstrap, "TOPIC": errand.topic, "GROUP": errand.group, "URL": errand.url}
        return {**os.environ, **self.environment, **told}


def _ours(errand: Errand) -> Sequence[str]:
    # Everybody is a static member, so that a restart need not wait for the end of the session. All else is the default.
    static = {"instance_id": "bench"}
    launch = Launch((errand.bootstrap,), errand.topic, errand.group, wigzo(errand.sink), errand.folder, static)
    return (sys.executable, *launch.arguments("worker", f"{LOCAL}:0"))


def _of(build: Build, library: str, pattern: str) -> Callable[[], str]:
    return lambda: f"{library} {build.pinned(pattern)}"


def _java(name: str, order: str, build: Build, pinned: tuple[str, str], concurrency: int, *arguments: str) -> Peer:
    return Peer(
        name,
        order,
        _of(build, *pinned),
        lambda _: java(build, *arguments),
        build,
        fast=True,
        environment={"CONCURRENCY": str(concurrency)},
    )


def _connect(name: str, order: str, concurrency: int) -> Peer:
    return Peer(
        name,
        order,
        _of(CONNECT, "Redpanda Connect", r"redpanda-data/connect/v4 v(\S+)"),
        lambda _: (str(CONNECT.folder / "peer"), "run", str(CONNECT.source / "connect.yaml")),
        CONNECT,
        sequential=concurrency == 1,
        fast=True,
        environment={"CONCURRENCY": str(concurrency)},
    )


def _pinned(library: str) -> str:
    pattern = rf"(?m)^{library}==(\S+)"
    return f"{library} {PYTHON.pinned(pattern)}"


def _python(name: str, order: str, libraries: Sequence[str], concurrency: int, *program: str) -> Peer:
    return Peer(
        name,
        order,
        lambda: ", ".join(_pinned(library) for library in libraries),
        lambda _: (sys.executable, str(PYTHON.source / program[0]), *program[1:]),
        PYTHON,
        sequential=concurrency == 1,
        # Its own folder, too: where the environment says PYTHONSAFEPATH, a program's is not looked in by itself.
        environment={
            "CONCURRENCY": str(concurrency),
            "PYTHONPATH": f"{PYTHON.folder}{os.pathsep}{PYTHON.source}",
        },
    )


_PARALLEL_CONSUMER = ("Parallel Consumer", r"parallel-consumer-core</artifactId><version>([^<]+)")
_CAMEL = ("Camel", r"camel-kafka</artifactId><version>([^<]+)")

PEERS = (
    Peer(OURS, "key", lambda: version(OURS), _ours, fast=True),
    _java("parallel-consumer-vertx-1000", "key", PARALLEL_CONSUMER, _PARALLEL_CONSUMER, 1000, "vertx"),
    _java("parallel-consumer-core-256", "key", PARALLEL_CONSUMER, _PARALLEL_CONSUMER, 256, "core"),
    _java("camel-12", "partition", CAMEL, _CAMEL, 12),
    _connect("redpanda-connect-1", "partition", 1),
    _connect("redpanda-connect-512", "none", 512),
    _python("aiokafka-aiohttp-keyed", "key", ("aiokafka", "aiohttp"), 500, "asynchronous.py", "aiokafka", "keyed"),
    _python(
        "confluent-uvloop-keyed",
        "key",
        ("confluent-kafka", "uvloop", "aiohttp"),
        1000,
        "asynchronous.py",
        "confluent",
        "keyed",
    ),
    _python("aiokafka-aiohttp-gather", "none", ("aiokafka", "aiohttp"), 500, "asynchronous.py", "aiokafka", "gather"),
    _python("threads-requests-64", "none", ("confluent-kafka", "requests"), 64, "threads.py"),
    _python("faststream", "partition", ("faststream", "aiokafka", "aiohttp"), 1, "stream.py"),
    _python("faststream-64", "none", ("faststream", "aiokafka", "aiohttp"), 64, "stream.py"),
    _python("kafka-python-requests", "partition", ("kafka-python", "requests"), 1, "tutorial.py"),
)
