"""How long an event is on its way through the worker: ``python -m bench.latency --help``.

From the moment that was meant for its record (open loop: whatever stalls, the load goes on) to its request's arrival at
the sink, on one machine's clock. What the way through Kafka alone takes is measured beside it, in turn: a bare consumer
with the worker's own options.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from kafka import KafkaAdminClient
from rich.console import Console
from rich.table import Table

from bench.open_loop import TICK, Plan
from bench.process import Watch
from bench.run import SETTINGS
from worker.sandbox.brokers import BrokerUnavailable, apache

LEAD: Final = 0.5  # seconds from the last word to the first moment
REST: Final = 2.0  # seconds after the last moment in which the last ones may come
READY: Final = 60.0
SHARES: Final = (0.5, 0.9, 0.99, 0.999, 1.0)


@dataclass(frozen=True, slots=True)
class Way:
    """One run. Latencies and ``late`` (of the load's own writes) are seconds, ascending; ``cpu`` is cores."""

    latencies: Sequence[float]
    late: Sequence[float]
    lost: int
    cpu: float


@dataclass(frozen=True, slots=True)
class Setting:
    """``warm`` seconds at the beginning are not counted; every ``scrape`` seconds the metrics are asked for."""

    broker: str
    plan: Plan
    warm: float
    scrape: float | None
    folder: Path


def percentile(ascending: Sequence[float], share: float) -> float:
    """The smallest value that so large a share does not exceed."""
    return ascending[max(0, -int(-share * len(ascending) // 1) - 1)]


def through_kafka(setting: Setting) -> Way:
    """What an empty pipe takes."""
    with _topic(setting) as topic:
        return _measured(setting, topic, _a_pipe(setting, topic))


def through_the_worker(setting: Setting) -> Way:
    """The whole way."""
    with _topic(setting) as topic:
        return _measured(setting, topic, _a_worker(setting, topic))


@dataclass(slots=True)
class End:
    """Where events arrive: who is watched, and where its metrics are."""

    watched: subprocess.Popen[str]
    metrics: str | None = None


@contextmanager
def _topic(setting: Setting) -> Iterator[str]:
    admin = KafkaAdminClient(bootstrap_servers=setting.broker)
    topic = f"latency-{uuid.uuid4().hex[:8]}"
    try:
        admin.create_topics(
            {topic: {"num_partitions": setting.plan.partitions, "replication_factor": 1, "configs": {}}}
        )
        yield topic
        admin.delete_topics([topic])
    finally:
        admin.close()


def _measured(setting: Setting, topic: str, end: Iterator[End]) -> Way:
    moments = setting.plan.moments()
    with _a_load(setting, topic) as load, contextmanager(lambda: end)() as arrives, Watch(arrives.watched.pid) as watch:
        begin = time.time() + LEAD
        _say(load, f"{begin}\n")
        _scrape(arrives, setting, begin + setting.plan.seconds)
        late = json.loads(_heard(load))
        time.sleep(REST)
        cpu = watch.cpu(begin + setting.warm, begin + setting.plan.seconds) / (setting.plan.seconds - setting.warm)
    stamps = array("d", (setting.folder / "stamps").read_bytes())
    counted = [n for n, moment in enumerate(moments) if moment * TICK >= setting.warm]
    came = sorted(stamps[n] - begin - moments[n] * TICK for n in counted if stamps[n])
    return Way(came, sorted(late), len(counted) - len(came), cpu)


def _scrape(end: End, setting: Setting, until: float) -> None:
    while end.metrics and setting.scrape and time.time() + setting.scrape < until:
        time.sleep(setting.scrape)
        with urllib.request.urlopen(end.metrics, timeout=5) as answer:  # noqa: S310  (the worker's own, on loopback)
            answer.read()


@contextmanager
def _a_load(setting: Setting, topic: str) -> Iterator[subprocess.Popen[str]]:
    plan = setting.plan
    sizes = ("--rate", str(plan.rate), "--seconds", str(plan.seconds), "--arrivals", plan.arrivals)
    with _a_process("bench.open_loop", "--broker", setting.broker, "--topic", topic, *sizes) as load:
        _heard(load)
        yield load


def _a_pipe(setting: Setting, topic: str) -> Iterator[End]:
    where = ("--broker", setting.broker, "--topic", topic)
    with _an_end(setting, "pipe", *where) as pipe:
        _heard(pipe)
        yield End(pipe)


def _a_worker(setting: Setting, topic: str) -> Iterator[End]:
    with _an_end(setting, "sink") as sink:
        config, log = setting.folder / "worker.toml", setting.folder / "worker.log"
        group, url = f"latency-{uuid.uuid4().hex[:8]}", f"http://127.0.0.1:{int(_heard(sink))}"
        text = SETTINGS.format(
            bootstrap=json.dumps([setting.broker]), topic=topic, group=group, concurrency=512, trust="", base_url=url
        )
        config.write_text(text)
        command = (str(Path(sys.executable).with_name("segment-relay")), "run", "--config", str(config))
        with log.open("w") as out:
            worker = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, text=True)
        try:
            address = _until_ready(log)
            yield End(worker, f"http://{address}/metrics")
            worker.terminate()
            worker.wait(READY)
        finally:
            worker.kill()
            worker.wait()


def _until_ready(log: Path) -> str:
    """Where its admin endpoint is, once it takes events."""
    deadline = time.monotonic() + READY
    while time.monotonic() < deadline:
        lines = [json.loads(line) for line in log.read_text().splitlines() if line.endswith("}")]
        address = next((line["address"] for line in lines if line["message"] == "admin endpoint"), None)
        if any(line["message"] == "partitions are assigned" for line in lines) and address is not None:
            return str(address)
        time.sleep(0.1)
    raise TimeoutError(f"the worker was not ready within {READY:g} s: {log.read_text()[-2000:]}")


@contextmanager
def _an_end(setting: Setting, kind: str, *where: str) -> Iterator[subprocess.Popen[str]]:
    """The stamps are there when it has ended."""
    events = str(len(setting.plan.moments()))
    with _a_process("bench.stamps", kind, "--events", events, "--to", str(setting.folder / "stamps"), *where) as end:
        yield end
        assert end.stdin is not None  # noqa: S101
        end.stdin.close()
        end.wait(READY)


@contextmanager
def _a_process(module: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = (sys.executable, "-m", module, *arguments)
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _say(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdin is not None  # noqa: S101  (asked for)
    process.stdin.write(text)
    process.stdin.flush()


def _heard(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None  # noqa: S101  (asked for)
    return process.stdout.readline()


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1: events were lost, or the broker could not be had."""
    given = _parser().parse_args(arguments)
    plan = Plan(given.rate, given.seconds, given.arrivals)
    ways: dict[str, list[Way]] = {"Kafka alone": [], "the worker": []}
    try:
        with tempfile.TemporaryDirectory() as temporary, apache(Path(temporary)) as cluster:
            setting = Setting(cluster.bootstrap[0], plan, given.warm, given.scrape, Path(temporary))
            through_kafka(setting)  # the broker compiles what it does often: its first run says nothing
            for _ in range(given.runs):
                ways["Kafka alone"].append(through_kafka(setting))
                ways["the worker"].append(through_the_worker(setting))
    except BrokerUnavailable as problem:
        print(problem, file=sys.stderr)
        return 1
    _show(ways)
    return 1 if any(way.lost for each in ways.values() for way in each) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.latency", description=__doc__)
    parser.add_argument("--rate", type=float, default=6000, help="events a second: half of the most")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--warm", type=float, default=5.0, help="so many of them at the beginning are not counted")
    parser.add_argument("--arrivals", choices=("even", "poisson"), default="poisson")
    parser.add_argument("--scrape", type=float, help="ask for the metrics every so many seconds")
    parser.add_argument("--runs", type=int, default=1)
    return parser


def _show(ways: dict[str, list[Way]]) -> None:
    shares = (f"p{share * 100:g}" if share < 1 else "most" for share in SHARES)
    table = Table("ms", *shares, "cores", "lost", "load late")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, runs in ways.items():
        for way in runs:
            late = f"{percentile(way.late, 0.99) * 1000:.1f}"
            table.add_row(name, *_milliseconds(at(way)), f"{way.cpu:.2f}", str(way.lost), late)
    alone, whole = (middle(runs) for runs in ways.values())
    added = [more - less for more, less in zip(whole, alone, strict=True)]
    table.add_row("so the worker adds, by the medians", *_milliseconds(added))
    Console(width=110).print(table)


def at(way: Way) -> list[float]:
    """What the table shows of one run, in seconds."""
    return [percentile(way.latencies, share) for share in SHARES]


def middle(runs: Sequence[Way]) -> list[float]:
    """Of each percentile by itself, the median of the runs."""
    return [median(column) for column in zip(*map(at, runs), strict=True)]


def _milliseconds(seconds: Sequence[float]) -> Iterator[str]:
    return (f"{each * 1000:.1f}" for each in seconds)


if __name__ == "__main__":
    sys.exit(main())
