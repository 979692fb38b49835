"""One run: a fresh sink, a fresh group, the real worker as a user would start it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.books import Account, Gaps
from bench.process import Others, Watch
from bench.tls import Tls
from bench.topic import TOPIC
from bench.trouble import WELL, Trouble
from bench.workload import Workload

START = 90.0  # seconds until the first request must have come
STALL = 10.0  # seconds without a new event after which a run is over
STOP = 60.0  # seconds that a worker may take to stop
LOOK = 0.25

SETTINGS = """\
[kafka]
bootstrap_servers = {bootstrap}
topics = ["{topic}"]
group = "{group}"

[worker]
admin_address = "127.0.0.1:0"
log_format = "json"

[destinations.wigzo]
mapping = "wigzo"
start_at = "earliest"
{concurrency}
{trust}

[destinations.wigzo.settings]
org_token = "bench"
base_url = "{base_url}"
"""


class NotMeasured(Exception):  # noqa: N818  (it tells of the run, not of a fault in the program)
    """The worker did not do its work; the text says where and shows its last log lines."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One run. ``rate`` is new events a second from the first request to the last new event; ``cpu`` µs an event.

    ``others`` is the share of the machine that programs outside the bench took, 0 to 1; ``sink`` the cores that the
    sink took: near 1, it is what bounds the rate.
    """

    rate: float
    cpu: float
    memory: float  # MiB, the largest
    late: int
    overlaps: int
    duplicates: int
    lost: int
    unknown: int
    peak_open: int
    requests: int
    others: float
    sink: float = 0.0


@dataclass(frozen=True, slots=True)
class Setting:
    """What a run is done under. ``latency`` is the sink's, in seconds; with ``tls`` requests go over it."""

    bootstrap: Sequence[str]
    workload: Workload
    latency: float
    concurrency: int  # 0: the worker's default
    folder: Path
    trouble: Trouble = WELL
    tls: Tls | None = None


def measure(setting: Setting) -> Figures:
    """Run the worker over the whole topic. Raises :class:`NotMeasured`."""
    with (
        a_sink(setting.workload, setting.latency, trouble=setting.trouble, tls=setting.tls) as url,
        _a_worker(setting, url) as worker,
        Watch(worker.pid) as watch,
    ):
        _wait_for_first(worker, url, setting.folder)
        others, began, worked = Others(), time.monotonic(), books(url).cpu
        _wait_for_last(worker, url, setting)
        share, sink = others.share(), (books(url).cpu - worked) / (time.monotonic() - began)
        worker.send_signal(signal.SIGTERM)
        if code := worker.wait(STOP):
            raise NotMeasured(f"the worker ended with {code}\n{_last_words(setting.folder)}")
        return replace(figures(books(url), watch, setting.workload.events, share), sink=sink)


def figures(account: Account, watch: Watch, events: int, others: float) -> Figures:
    """What the sink saw and the process cost, over the span of the work."""
    seconds = account.last - account.first
    return Figures(
        rate=account.arrived / seconds,
        cpu=watch.cpu(account.first, account.last) / account.arrived * 1e6,
        memory=watch.peak / (1 << 20),
        late=account.late,
        overlaps=account.overlaps,
        duplicates=account.duplicates,
        lost=events - account.arrived,
        unknown=account.unknown,
        peak_open=account.peak_open,
        requests=account.requests,
        others=others,
    )


@contextmanager
def a_sink(
    workload: Workload, latency: float, failing: int = 0, trouble: Trouble = WELL, tls: Tls | None = None
) -> Iterator[str]:
    """A sink in a process of its own, where so many users fail at first; its URL, beside that of ``tls``."""
    sizes = ("--events", str(workload.events), "--users", str(workload.users), "--latency", str(latency))
    troubles = ("--failing", str(failing), "--trouble", trouble.kind, "--trouble-seconds", str(trouble.seconds))
    secure = () if tls is None else ("--tls-port", str(tls.port), "--tls-chain", str(tls.chain))
    command = (sys.executable, "-m", "bench.sink", *sizes, *troubles, *secure)
    sink = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert sink.stdout is not None  # noqa: S101  (asked for above; for the type checker)
        yield f"http://127.0.0.1:{int(sink.stdout.readline())}"
    finally:
        sink.terminate()
        sink.communicate()


def books(url: str) -> Account:
    """What the sink has seen so far."""
    with urllib.request.urlopen(f"{url}/books", timeout=5) as answer:  # noqa: S310  (the loopback's own sink)
        return Account(**json.load(answer))


def gaps(url: str) -> Gaps:
    """What did not come so far."""
    with urllib.request.urlopen(f"{url}/gaps", timeout=30) as answer:  # noqa: S310  (as above)
        return Gaps(**json.load(answer))


@contextmanager
def _a_worker(setting: Setting, url: str) -> Iterator[subprocess.Popen[bytes]]:
    config = setting.folder / "worker.toml"
    config.write_text(
        SETTINGS.format(
            bootstrap=json.dumps(list(setting.bootstrap)),
            topic=TOPIC,
            group=f"bench-{uuid.uuid4().hex[:8]}",
            concurrency=f"concurrency = {setting.concurrency}" if setting.concurrency else "",
            base_url=url if setting.tls is None else setting.tls.url,
            trust="" if setting.tls is None else f'ca_file = "{setting.tls.authority}"',
        )
    )
    with (setting.folder / "worker.log").open("wb") as log:
        command = (str(Path(sys.executable).with_name("segment-relay")), "run", "--config", str(config))
        worker = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield worker
        finally:
            worker.kill()
            worker.wait()


def _wait_for_first(worker: subprocess.Popen[bytes], url: str, folder: Path) -> None:
    """Return when the first request has come."""
    deadline = time.monotonic() + START
    while not books(url).first:
        _must_run(worker, folder)
        if time.monotonic() > deadline:
            raise NotMeasured(f"no request came within {START:.0f} s\n{_last_words(folder)}")
        time.sleep(LOOK)


def _wait_for_last(worker: subprocess.Popen[bytes], url: str, setting: Setting) -> None:
    """Return when every event has come, or none any more."""
    account = books(url)
    while account.arrived < setting.workload.events and time.time() < account.last + STALL:
        _must_run(worker, setting.folder)
        time.sleep(LOOK)
        account = books(url)


def _must_run(worker: subprocess.Popen[bytes], folder: Path) -> None:
    if worker.poll() is not None:
        raise NotMeasured(f"the worker ended with {worker.returncode}\n{_last_words(folder)}")


def _last_words(folder: Path) -> str:
    return (folder / "worker.log").read_text(errors="replace")[-3000:]
