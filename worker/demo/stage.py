"""Everything that the demo needs around the worker, and the worker itself: started in order, always stopped again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.error import URLError
from urllib.request import Request, urlopen

import orjson
from kafka import KafkaAdminClient

from worker.demo.sample import TOPIC
from worker.sandbox.brokers import apache, embedded
from worker.sandbox.processes import LOCAL, free_port

PARTITIONS = 6
PATIENCE = 60.0  # seconds that anything may take to start
# The embedded broker's first join takes half a session; and a session is three requests' time.
CONFIG = """\
[kafka]
bootstrap_servers = ["{bootstrap}"]
topics = ["{topic}"]
group = "demo"
session_timeout = 6
heartbeat_interval = 1

[worker]
admin_address = "{admin}"
log_format = "json"

[destinations.wigzo]
mapping = "wigzo"
start_at = "earliest"
request_timeout = 2
connect_timeout = 1
consent_categories = ["advertising"]

[destinations.wigzo.settings]
base_url = "{sandbox}"
org_token = "sandbox-org-token"

[destinations.wootric]
mapping = "wootric"
start_at = "earliest"
request_timeout = 2
connect_timeout = 1
events_denied = ["Product List *", "Promotion *"]

[destinations.wootric.settings]
api_url = "{sandbox}"
eligibility_url = "{sandbox}"
account_token = "NPS-5a4db0c1"
client_id = "sandbox-client-id"
client_secret = "sandbox-client-secret"
"""
# Real vendors take their time, and are not always well: a few answers of 503, which lose nothing and repeat nothing.
WEATHER: list[dict[str, Any]] = [
    {"probability": 0.01, "times": 40, "seed": 7, "do": {"fault": "status", "status": 503}},
    {"delay": 0.005},
]


class DemoFailed(Exception):  # noqa: N818  (what it says of the demo)
    """It could not be played. The text is for people, with the last words of whatever ended."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where everything is. ``worker`` has not begun yet: :meth:`raise_curtain` starts it."""

    folder: Path
    bootstrap: tuple[str, ...]
    sandbox: str
    admin: str
    _exits: ExitStack = field(repr=False)

    @property
    def config(self) -> Path:
        return self.folder / "segment-relay.toml"

    @property
    def log(self) -> Path:
        return self.folder / "worker.log"

    def raise_curtain(self) -> Process:
        """Start the worker, as its user would, and wait until it takes events."""
        process = self._exits.enter_context(_process("worker", self.folder, "run", "--config", str(self.config)))
        process.wait_until(lambda: answers(f"{self.admin}/readyz"), "be ready")
        return process


@contextmanager
def stage(broker: Literal["embedded", "apache"]) -> Iterator[Stage]:
    """A broker with the topic, the stand-ins, and the settings file, in a temporary folder.

    Raises :class:`DemoFailed`, and ``BrokerUnavailable`` where this machine has no such broker.
    """
    with ExitStack() as exits:
        folder = Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="segment-relay-demo-")))
        bootstrap = _start(broker, exits, folder)
        _create_topic(bootstrap)
        sandbox = _open_sandbox(exits, folder)
        admin = f"{LOCAL}:{free_port()}"
        found = Stage(folder, bootstrap, sandbox, f"http://{admin}", exits)
        found.config.write_text(
            CONFIG.format(bootstrap=bootstrap[0], topic=TOPIC, admin=admin, sandbox=sandbox), encoding="utf-8"
        )
        yield found


def _start(broker: Literal["embedded", "apache"], exits: ExitStack, folder: Path) -> tuple[str, ...]:
    if broker == "apache":
        return exits.enter_context(apache(folder)).bootstrap
    return exits.enter_context(embedded(folder)).bootstrap


def _create_topic(bootstrap: tuple[str, ...]) -> None:
    admin = KafkaAdminClient(bootstrap_servers=list(bootstrap))
    try:
        admin.create_topics({TOPIC: {"num_partitions": PARTITIONS, "replication_factor": 1}})
    finally:
        admin.close()


def _open_sandbox(exits: ExitStack, folder: Path) -> str:
    address = f"{LOCAL}:{free_port()}"
    process = exits.enter_context(_process("sandbox", folder, "sandbox", "--address", address))
    process.wait_until(lambda: answers(f"http://{address}/sandbox/counts"), "listen")
    put(f"http://{address}/sandbox/faults", WEATHER)
    return f"http://{address}"


# --- Processes


class Process:
    """One of our own commands, running."""

    def __init__(self, name: str, popen: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.log = log
        self._popen = popen

    def wait_until(self, reached: Callable[[], bool], what: str) -> None:
        """Raises :class:`DemoFailed` when the process ends first, or after :data:`PATIENCE`."""
        deadline = time.monotonic() + PATIENCE
        while not reached():
            self.must_live()
            if time.monotonic() > deadline:
                raise DemoFailed(f"the {self.name} did not {what} within {PATIENCE:.0f} s; {self.last_words()}")
            time.sleep(0.05)

    def must_live(self) -> None:
        """Raises :class:`DemoFailed` when the process has ended."""
        if self._popen.poll() is not None:
            raise DemoFailed(f"the {self.name} ended with code {self._popen.returncode}; {self.last_words()}")

    def stop(self, grace: float = PATIENCE) -> int:
        """SIGTERM, SIGKILL after ``grace`` seconds; the exit code."""
        if self._popen.poll() is None:
            self._popen.send_signal(signal.SIGTERM)
        try:
            return self._popen.wait(grace)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            return self._popen.wait()

    def last_words(self) -> str:
        return f"its last words:\n{self.log.read_text(errors='replace')[-2000:]}"


@contextmanager
def _process(name: str, folder: Path, *arguments: str) -> Iterator[Process]:
    log = folder / f"{name}.log"
    command = (sys.executable, "-m", "worker.cli", *arguments)
    with log.open("wb") as output:
        # A session of its own: Ctrl-C is the demo's, which then stops each in its turn.
        popen = subprocess.Popen(  # noqa: S603  (our own commands)
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=_environment(),
            start_new_session=True,
        )
    process = Process(name, popen, log)
    try:
        yield process
    finally:
        process.stop()


def _environment() -> dict[str, str]:
    """Without the user's own settings: the demo's file says all."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SEGMENT_RELAY_")}


# --- What they say, on this machine


def get(url: str) -> bytes:
    with urlopen(url, timeout=10) as answer:  # noqa: S310  (http, and addresses that the demo chose)
        body: bytes = answer.read()
    return body


def put(url: str, value: object) -> None:
    request = Request(url, data=orjson.dumps(value), method="PUT")  # noqa: S310  (as above)
    with urlopen(request, timeout=10):  # noqa: S310  (as above)
        pass


def answers(url: str) -> bool:
    """Whether there is a 200."""
    try:
        get(url)
    except (URLError, OSError):
        return False
    return True
