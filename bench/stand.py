"""A broker, the vendors' stand-ins, and workers with the demo's settings on a topic each."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.admin import Admin, got
from bench.children import a_process
from bench.fleet import LOOK
from bench.launch import Launch, wigzo, wootric
from bench.topic import make, produce
from worker.sandbox.brokers import apache
from worker.sandbox.processes import LOCAL, free_port

PARTITIONS = 12
DESTINATIONS = {"wigzo": wigzo, "wootric": wootric}
SANDBOX = "from worker.sandbox.stand_alone import serve; import sys; serve(sys.argv[1], keep=False)"


@dataclass(slots=True)
class Worker:
    """One that runs."""

    process: subprocess.Popen[bytes]
    admin: Admin
    deadline: float
    _settled: Counter[str] = field(default_factory=Counter)

    @property
    def memory(self) -> float:
        """Resident at the moment, in MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def requests(self, destination: str) -> int:
        """All so far but logins."""
        return self.admin.total("requests_total", destination, without="login")

    def settle(self, destination: str, events: int) -> None:
        """Wait until so many more are settled. Raises ``TimeoutError`` at the deadline, or where the worker ends."""
        self._settled[destination] += events
        wanted = self._settled[destination]
        wait_for(
            lambda: self.admin.total("events_settled_total", destination) >= wanted,
            self.process,
            self.deadline,
            f"settle {wanted:,} events of {destination}",
        )


@dataclass(slots=True)
class Stand:
    """``config`` is the newest worker's settings file."""

    folder: Path
    bootstrap: tuple[str, ...]
    vendors: str
    deadline: float
    config: Path = field(init=False)

    def produce(self, topic: str, records: Iterable[tuple[bytes | None, bytes]]) -> None:
        """In order; what has no key goes where Kafka likes."""
        produce(self.bootstrap, topic, records)

    @contextmanager
    def worker(self, topic: str, *destinations: str) -> Iterator[Worker]:
        """Reads the topic from its beginning."""
        admin = f"{LOCAL}:{free_port()}"
        tables = {name: table for each in destinations for name, table in DESTINATIONS[each](self.vendors).items()}
        launch = Launch(self.bootstrap, topic, topic, tables, self.folder)
        self.config = launch.settings(topic)
        with a_process(self.folder / f"{topic}.log", *launch.arguments(topic, admin)) as process:
            found = Worker(process, Admin(f"http://{admin}"), self.deadline)
            wait_for(lambda: found.admin.ready, process, self.deadline, "come up")
            yield found


@contextmanager
def a_stand(folder: Path, deadline: float) -> Iterator[Stand]:
    """Apache Kafka with the topics ``sync`` and ``stream``, and the stand-ins; all are gone at the end.

    ``deadline`` is of the steady clock. Raises ``BrokerUnavailable``.
    """
    with ExitStack() as exits:
        bootstrap = exits.enter_context(apache(folder)).bootstrap
        vendors = exits.enter_context(the_vendors(folder, deadline))
        make(bootstrap, PARTITIONS, "sync", "stream")
        yield Stand(folder, bootstrap, vendors, deadline)


@contextmanager
def the_vendors(folder: Path, deadline: float) -> Iterator[str]:
    """The stand-ins, which keep no record of what they were asked; their URL."""
    address = f"{LOCAL}:{free_port()}"
    with a_process(folder / "vendors.log", "-c", SANDBOX, address) as process:
        wait_for(lambda: bool(got(f"http://{address}/sandbox/counts")), process, deadline, "come up")
        yield f"http://{address}"


def wait_for(done: Callable[[], bool], process: subprocess.Popen[bytes], deadline: float, what: str) -> None:
    """Raises ``TimeoutError``, also where the process ends."""
    while not done():
        if time.monotonic() > deadline or process.poll() is not None:
            raise TimeoutError(f"process {process.pid} did not {what} (exit code: {process.poll()})")
        time.sleep(LOOK)
