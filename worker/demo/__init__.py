"""``segment-relay demo``: a broker, stand-ins of the vendors, an invented shop's events, and the real worker.

What is shown at the end is compared with the stand-ins' own record, and with the same events sent one by one.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, NoReturn

import orjson
from kafka import KafkaProducer
from rich.console import Console

from worker import config
from worker.commands.exits import Exit
from worker.demo import figures as read_figures
from worker.demo.checks import Check, checks, failures
from worker.demo.figures import Figures
from worker.demo.one_by_one import Expected, expected
from worker.demo.sample import TOPIC, Sample, records
from worker.demo.show import Bars, report
from worker.demo.stage import DemoFailed, Process, Stage, get, stage
from worker.sandbox.brokers import BrokerUnavailable

__all__ = ["run"]

RATE = 400.0  # records a second, so that latencies are a stream's and not a backlog's
LONGEST_STREAM = 20.0  # seconds: more records come faster
LOOK_EVERY = 0.1
STANDSTILL = 60.0  # seconds without an event settled: given up
INTERRUPTED = 128 + signal.SIGINT


def run(*, keep: bool = False, broker: Literal["embedded", "apache"] = "embedded", events: int = 3000) -> int:
    """Play it, with so many records; the exit code. ``keep`` stays up at the end, until Ctrl-C."""
    console = Console(highlight=False)
    stop = Stop()
    try:
        with stop.heeded(), stage(broker) as built:
            return _play(built, records(events), console, stop, keep=keep)
    except (DemoFailed, BrokerUnavailable) as error:
        console.print(f"[bold red]✗[/] {error}", markup=True)
        return Exit.FAILED
    except KeyboardInterrupt:
        console.print("stopped")
        return INTERRUPTED


def _play(built: Stage, given: list[Sample], console: Console, stop: Stop, *, keep: bool) -> int:
    begun = time.monotonic()
    settings = config.load(built.config, {})
    should = expected(given, settings.destinations.values(), time.time())
    with console.status("the worker joins its groups …"):
        worker = built.raise_curtain()
    bars = Bars(console, len(given), {name: ends.total() for name, ends in should.events.items()})
    with bars.progress:
        figures = _stream(built, worker, given, should, bars, stop)
    found = _found(built, figures, should)
    console.print(report(figures, found))
    if keep:
        _stay(built, console, stop)
    code = worker.stop()
    wrong = failures([*found, Check("the worker stops cleanly", code == 0)])
    console.print()
    console.print(_conclusion(wrong, code, time.monotonic() - begun))
    return Exit.FAILED if wrong else Exit.OK


def _conclusion(wrong: int, code: int, seconds: float) -> str:
    if wrong:
        return f"[bold red]{wrong} of the statements above do not hold[/] (the worker's exit code was {code})"
    return f"[bold green]All of it holds[/], and the worker stopped cleanly. {seconds:.0f} s."


def _found(built: Stage, figures: Mapping[str, Figures], should: Expected) -> list[Check]:
    counts, state = (orjson.loads(get(f"{built.sandbox}/sandbox/{what}")) for what in ("counts", "state"))
    return checks(figures, should, counts, state)


def _stream(
    built: Stage, worker: Process, given: list[Sample], should: Expected, bars: Bars, stop: Stop
) -> Mapping[str, Figures]:
    """Produce everything, and wait until it is settled; the worker's last figures."""
    producer = KafkaProducer(bootstrap_servers=list(built.bootstrap), linger_ms=5)
    try:
        return _follow(built, worker, _Source(producer, given), should, bars, stop)
    finally:
        producer.close(timeout=5)


class _Source:
    """The shop: so many records a second, each acknowledged."""

    def __init__(self, producer: KafkaProducer, given: list[Sample]) -> None:
        self._producer = producer
        self._given = given
        self._rate = max(RATE, len(given) / LONGEST_STREAM)
        self._begun = time.monotonic()
        self._unacknowledged: list[Any] = []  # futures; kafka-python ships no types
        self.produced = 0

    @property
    def is_dry(self) -> bool:
        return self.produced == len(self._given)

    def flow(self) -> None:
        due = min(len(self._given), int((time.monotonic() - self._begun) * self._rate) + 1)
        for record in self._given[self.produced : due]:
            self._unacknowledged.append(self._producer.send(TOPIC, record.value, key=record.key))
        self.produced = due
        if self.is_dry:
            for future in self._unacknowledged:
                future.get(STANDSTILL)
            self._unacknowledged.clear()


def _follow(
    built: Stage, worker: Process, source: _Source, should: Expected, bars: Bars, stop: Stop
) -> Mapping[str, Figures]:
    settled, since = 0, time.monotonic()
    while True:
        stop.look()
        source.flow()
        figures = read_figures.read(get(f"{built.admin}/metrics").decode())
        bars.show(source.produced, figures)
        if source.is_dry and _is_over(figures, should):
            return figures
        if (now := sum(one.done for one in figures.values())) != settled:
            settled, since = now, time.monotonic()
        if time.monotonic() - since > STANDSTILL:
            raise DemoFailed(f"nothing was settled for {STANDSTILL:.0f} s; {worker.last_words()}")
        worker.must_live()
        time.sleep(LOOK_EVERY)


def _is_over(figures: Mapping[str, Figures], should: Expected) -> bool:
    return all(
        name in figures and figures[name].pending == 0 and figures[name].consumed >= ends.total()
        for name, ends in should.events.items()
    )


def _stay(built: Stage, console: Console, stop: Stop) -> None:
    console.print("\nStays up until Ctrl-C:")
    console.print(f"  metrics   {built.admin}/metrics")
    console.print(f"  arrivals  {built.sandbox}/sandbox/arrivals?destination=wigzo")
    console.print(f"  Kafka     {','.join(built.bootstrap)}, topic {TOPIC}")
    console.print(f"  settings  {built.config}")
    try:
        while True:
            stop.look()
            time.sleep(LOOK_EVERY)
    except KeyboardInterrupt:
        console.print()


class Stop:
    """SIGINT and SIGTERM, remembered.

    A KeyboardInterrupt alone gets lost: Python raises it wherever the program happens to be, and where that is a
    finalizer it is only printed. So whoever waits looks once more.
    """

    def __init__(self) -> None:
        self.told = False

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """A demo that is told to stop takes everything along."""
        former = {number: signal.signal(number, self.tell) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)

    def tell(self, *_: object) -> NoReturn:
        """Called by the signal. Raises KeyboardInterrupt."""
        self.told = True
        raise KeyboardInterrupt

    def look(self) -> None:
        """Raises KeyboardInterrupt where it was told and got lost."""
        if self.told:
            raise KeyboardInterrupt
