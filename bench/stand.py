"""A broker, the vendors' stand-ins, and workers with the demo's settings on a topic each."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError

from kafka import KafkaAdminClient, KafkaProducer
from prometheus_client.parser import text_string_to_metric_families

from worker.metrics import PREFIX
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
    """One that runs. ``settled`` and ``requests`` are its own metrics; the login is left out of the requests."""

    process: subprocess.Popen[bytes]
    admin: str
    deadline: float
    _before: dict[str, int] = field(default_factory=dict)

    @property
    def memory(self) -> float:
        """Resident at the moment, in MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def requests(self, destination: str) -> int:
        return sum(
            int(value)
            for name, labels, value in self._scrape()
            if (name, labels.get("destination")) == ("requests_total", destination) and labels["operation"] != "login"
        )

    def settle(self, destination: str, events: int) -> None:
        """Wait until so many events more were consumed and nothing is pending.

        Raises ``TimeoutError`` at the deadline, and where the worker has ended.
        """
        before = self._before.get(destination, 0)
        while True:
            found = {name: self._sum(name, destination) for name in ("events_consumed_total", "events_pending")}
            if found["events_consumed_total"] >= before + events and not found["events_pending"]:
                self._before[destination] = found["events_consumed_total"]
                return
            self._must_go_on(f"{found} of {events} at {destination}")
            time.sleep(LOOK)

    def wait_until_ready(self) -> None:
        wait_for(lambda: self._answers("readyz"), self.process, self.deadline, "the worker")

    def _answers(self, page: str) -> bool:
        return bool(_get(f"{self.admin}/{page}"))

    def _sum(self, metric: str, destination: str) -> int:
        found = (
            int(value)
            for name, labels, value in self._scrape()
            if name == metric and labels.get("destination") == destination
        )
        return sum(found)

    def _scrape(self) -> list[tuple[str, dict[str, str], float]]:
        families = text_string_to_metric_families(_get(f"{self.admin}/metrics").decode())
        return [(one.name.removeprefix(PREFIX), one.labels, one.value) for each in families for one in each.samples]

    def _must_go_on(self, what: str) -> None:
        if time.monotonic() > self.deadline or self.process.poll() is not None:
            raise TimeoutError(f"the worker stopped, or its time is up: {what}")


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
            found = Worker(process, f"http://{admin}", self.deadline)
            found.wait_until_ready()
            yield found


@contextmanager
def a_stand(folder: Path, deadline: float) -> Iterator[Stand]:
    """Apache Kafka with the topics ``sync`` and ``stream``, and the stand-ins; all are gone at the end.

    ``deadline`` is of the steady clock. Raises ``BrokerUnavailable``.
    """
    with ExitStack() as exits:
        bootstrap = exits.enter_context(apache(folder)).bootstrap
        address = f"{LOCAL}:{free_port()}"
        process = exits.enter_context(a_process(folder / "vendors.log", "-c", SANDBOX, address))
        wait_for(lambda: bool(_get(f"http://{address}/sandbox/counts")), process, deadline, "the stand-ins")
        create(bootstrap, "sync", "stream")
        yield Stand(folder, bootstrap, f"http://{address}", deadline)


def create(bootstrap: tuple[str, ...], *topics: str, partitions: int = PARTITIONS) -> None:
    admin = KafkaAdminClient(bootstrap_servers=list(bootstrap))
    try:
        admin.create_topics({topic: {"num_partitions": partitions, "replication_factor": 1} for topic in topics})
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
    """Raises ``TimeoutError``."""
    while not done():
        if time.monotonic() > deadline or process.poll() is not None:
            raise TimeoutError(f"{what} did not come up")
        time.sleep(LOOK)


def _get(url: str) -> bytes:
    """The body; nothing where nobody answers, or not well."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  (the loopback's own)
            return bytes(answer.read())
    except (URLError, OSError):
        return b""
