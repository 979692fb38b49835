"""A broker, the vendors' stand-ins, and workers with the demo's settings on a topic each."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kafka import KafkaAdminClient, KafkaProducer

from bench.admin import Admin, got
from worker.sandbox.brokers import apache
from worker.sandbox.processes import LOCAL, free_port

PARTITIONS = 12
LOOK = 0.25  # seconds between two scrapes
STOP = 60.0  # seconds that a process may take to stop

KAFKA = """\
[kafka]
bootstrap_servers = {bootstrap}
topics = ["{topic}"]
group = "{topic}"

[worker]
admin_address = "{admin}"
log_format = "json"
"""
DESTINATIONS = {
    "wigzo": """
[destinations.wigzo]
mapping = "wigzo"
start_at = "earliest"
[destinations.wigzo.settings]
base_url = "{vendors}"
org_token = "sandbox-org-token"
""",
    "wootric": """
[destinations.wootric]
mapping = "wootric"
start_at = "earliest"
[destinations.wootric.settings]
api_url = "{vendors}"
eligibility_url = "{vendors}"
account_token = "NPS-5a4db0c1"
client_id = "sandbox-client-id"
client_secret = "sandbox-client-secret"
""",
}
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
        producer = KafkaProducer(bootstrap_servers=list(self.bootstrap), linger_ms=20, batch_size=256 << 10)
        try:
            sent = [producer.send(topic, value, key=key) for key, value in records]
            producer.flush(timeout=120)
            for each in sent:
                each.get(0)
        finally:
            producer.close()

    @contextmanager
    def worker(self, topic: str, *destinations: str) -> Iterator[Worker]:
        """Reads the topic from its beginning."""
        admin = f"{LOCAL}:{free_port()}"
        self.config = self.folder / f"{topic}.toml"
        tables = KAFKA + "".join(DESTINATIONS[name] for name in destinations)
        bootstrap = json.dumps(list(self.bootstrap))
        self.config.write_text(
            tables.format(bootstrap=bootstrap, topic=topic, admin=admin, vendors=self.vendors), encoding="utf-8"
        )
        command = ("-m", "worker.cli", "run", "--config", str(self.config))
        with a_process(self.folder / f"{topic}.log", *command) as process:
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
        _create(bootstrap, "sync", "stream")
        yield Stand(folder, bootstrap, vendors, deadline)


@contextmanager
def the_vendors(folder: Path, deadline: float) -> Iterator[str]:
    """The stand-ins, which keep no record of what they were asked; their URL."""
    address = f"{LOCAL}:{free_port()}"
    with a_process(folder / "vendors.log", "-c", SANDBOX, address) as process:
        wait_for(lambda: bool(got(f"http://{address}/sandbox/counts")), process, deadline, "come up")
        yield f"http://{address}"


def _create(bootstrap: tuple[str, ...], *topics: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=list(bootstrap))
    try:
        admin.create_topics({topic: {"num_partitions": PARTITIONS, "replication_factor": 1} for topic in topics})
    finally:
        admin.close()


@contextmanager
def a_process(log: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Python with these arguments; asked to stop at the end, and killed where it does not."""
    with log.open("wb") as output:
        process = subprocess.Popen((sys.executable, *arguments), stdout=output, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(done: Callable[[], bool], process: subprocess.Popen[bytes], deadline: float, what: str) -> None:
    """Raises ``TimeoutError``, also where the process ends."""
    while not done():
        if time.monotonic() > deadline or process.poll() is not None:
            raise TimeoutError(f"process {process.pid} did not {what} (exit code: {process.poll()})")
        time.sleep(LOOK)
