"""One run: a fresh sink, a fresh group, the real worker as a user would start it."""

from __future__ import annotations

import json
import time
import urllib.request
import uuid
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bench.books import Account, Gaps
from bench.children import a_child
from bench.fleet import LOOK, Fleet, a_fleet
from bench.launch import Launch, wigzo
from bench.process import MIB, Others, Watch
from bench.tls import Tls
from bench.topic import TOPIC
from bench.trouble import WELL, Trouble
from bench.workload import Workload

STALL = 10.0  # seconds without a new event after which a run is over


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
    """Run the worker over the whole topic. Raises ``NotMeasured``."""
    with (
        a_sink(setting.workload, setting.latency, trouble=setting.trouble, tls=setting.tls) as url,
        a_fleet(_launch(setting, url)) as fleet,
    ):
        fleet.begun(partial(books, url))
        others, began, worked = Others(), time.monotonic(), books(url).cpu
        _wait_for_last(fleet, url, setting.workload.events)
        share, sink = others.share(), (books(url).cpu - worked) / (time.monotonic() - began)
        fleet.stop()
        return replace(figures(books(url), fleet.members[0].watch, setting.workload.events, share), sink=sink)


def figures(account: Account, watch: Watch, events: int, others: float) -> Figures:
    """What the sink saw and the process cost, over the span of the work."""
    seconds = account.last - account.first
    return Figures(
        rate=account.arrived / seconds,
        cpu=watch.cpu(account.first, account.last) / account.arrived * 1e6,
        memory=watch.peak / MIB,
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
    with a_child("bench.sink", *sizes, *troubles, *secure) as sink:
        yield f"http://127.0.0.1:{int(sink.heard())}"


def books(url: str) -> Account:
    """What the sink has seen so far."""
    with urllib.request.urlopen(f"{url}/books", timeout=5) as answer:  # noqa: S310  (the loopback's own sink)
        return Account(**json.load(answer))


def gaps(url: str) -> Gaps:
    """What did not come so far."""
    with urllib.request.urlopen(f"{url}/gaps", timeout=30) as answer:  # noqa: S310  (as above)
        return Gaps(**json.load(answer))


def stamps(url: str) -> Sequence[float]:
    """When each event came first, in Unix seconds; 0: it did not, so far."""
    with urllib.request.urlopen(f"{url}/stamps", timeout=30) as answer:  # noqa: S310  (as above)
        return array("d", answer.read())


def _launch(setting: Setting, url: str) -> Launch:
    tls = setting.tls
    trust = {} if tls is None else {"ca_file": str(tls.authority)}
    destination = wigzo(url if tls is None else tls.url, concurrency=setting.concurrency, **trust)
    return Launch(setting.bootstrap, TOPIC, f"bench-{uuid.uuid4().hex[:8]}", destination, setting.folder)


def _wait_for_last(fleet: Fleet, url: str, events: int) -> None:
    """Return when every event has come, or none any more."""
    account = books(url)
    while account.arrived < events and time.time() < account.last + STALL:
        fleet.must_run()
        time.sleep(LOOK)
        account = books(url)
