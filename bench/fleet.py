"""Workers of one group, each a process of its own, and what they cost together."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.admin import Admin
from bench.process import Watch
from worker.sandbox.processes import LOCAL, free_port

STOP = 60.0  # seconds that a worker may take to stop
MIB = 1 << 20

SETTINGS = """\
[kafka]
bootstrap_servers = {bootstrap}
topics = ["{topic}"]
group = "{group}"

[worker]
admin_address = "{admin}"
log_format = "json"

[destinations.wigzo]
mapping = "wigzo"
start_at = "earliest"
{concurrency}
[destinations.wigzo.settings]
org_token = "bench"
base_url = "{sink}"
"""
WOOTRIC = """
[destinations.wootric]
mapping = "wootric"
start_at = "earliest"
[destinations.wootric.settings]
api_url = "{vendors}"
eligibility_url = "{vendors}"
account_token = "NPS-5a4db0c1"
client_id = "sandbox-client-id"
client_secret = "sandbox-client-secret"
"""


@dataclass(frozen=True, slots=True)
class Member:
    """One worker."""

    process: subprocess.Popen[bytes]
    admin: Admin
    watch: Watch
    log: Path


@dataclass(frozen=True, slots=True)
class Fleet:
    """Those that run; they end with their ``with`` block."""

    members: Sequence[Member]

    def cpu(self, begin: float, end: float) -> float:
        """User and system seconds of all of them between two Unix times."""
        return sum(one.watch.cpu(begin, end) for one in self.members)

    @property
    def memory(self) -> float:
        """The largest one's largest so far, in MiB."""
        return max(one.watch.peak for one in self.members) / MIB

    def shares(self) -> list[float]:
        """Of the events that were settled, by worker."""
        settled = [one.admin.total("events_settled_total", "wigzo") for one in self.members]
        return [one / max(1, sum(settled)) for one in settled]

    def stop(self) -> None:
        """Raises ``RuntimeError`` where one does not end well."""
        for one in self.members:
            one.process.terminate()
        for one in self.members:
            if code := one.process.wait(STOP):
                raise RuntimeError(f"a worker ended with {code}\n{last_words(one.log)}")

    def must_run(self) -> None:
        for one in self.members:
            if one.process.poll() is not None:
                raise RuntimeError(f"a worker ended with {one.process.returncode}\n{last_words(one.log)}")


@dataclass(frozen=True, slots=True)
class Plan:
    """``concurrency``: 0 leaves it to the worker. ``vendors``: where a Wootric lane goes, if there is to be one."""

    bootstrap: Sequence[str]
    topic: str
    group: str
    sink: str
    folder: Path
    concurrency: int = 0
    vendors: str = ""


@contextmanager
def a_fleet(plan: Plan, size: int) -> Iterator[Fleet]:
    """So many workers. They were told to start, and may not be ready yet."""
    with ExitStack() as exits:
        yield Fleet([exits.enter_context(_a_member(plan, number)) for number in range(size)])


@contextmanager
def _a_member(plan: Plan, number: int) -> Iterator[Member]:
    admin, name = f"{LOCAL}:{free_port()}", f"{plan.group}-{number}-{time.monotonic_ns()}"
    config, log = plan.folder / f"{name}.toml", plan.folder / f"{name}.log"
    text = SETTINGS + (WOOTRIC if plan.vendors else "")
    config.write_text(
        text.format(
            bootstrap=json.dumps(list(plan.bootstrap)),
            topic=plan.topic,
            group=plan.group,
            admin=admin,
            concurrency=f"concurrency = {plan.concurrency}\n" if plan.concurrency else "",
            sink=plan.sink,
            vendors=plan.vendors,
        )
    )
    command = (str(Path(sys.executable).with_name("segment-relay")), "run", "--config", str(config))
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        with Watch(process.pid) as watch:
            yield Member(process, Admin(f"http://{admin}"), watch, log)
    finally:
        process.kill()
        process.wait()


def last_words(log: Path) -> str:
    return log.read_text(errors="replace")[-3000:]
