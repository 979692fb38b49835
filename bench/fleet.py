"""Workers of one group, each a process of its own, and what they cost together."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.admin import Admin
from bench.books import Account
from bench.children import STOP, a_process
from bench.launch import Launch
from bench.process import MIB, Watch
from worker.sandbox.processes import LOCAL, free_port

START = 90.0  # seconds until the first request must have come
LOOK = 0.25  # seconds between two looks


class NotMeasured(RuntimeError):  # noqa: N818  (it tells of the run, not of a fault in the program)
    """A worker did not do its work; the text says where and shows its last log lines."""


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

    def begun(self, books: Callable[[], Account]) -> Account:
        """The books once the first request has come. Raises ``NotMeasured`` where none comes, or a worker ends."""
        deadline = time.monotonic() + START
        while not (account := books()).first:
            if time.monotonic() > deadline:
                raise NotMeasured(f"no request came within {START:.0f} s\n{_last_words(self.members[0])}")
            self.must_run()
            time.sleep(LOOK)
        return account

    def ready(self) -> None:
        """Wait until every one takes events. Raises ``NotMeasured``."""
        deadline = time.monotonic() + START
        for one in self.members:
            while not one.admin.ready:
                if time.monotonic() > deadline:
                    raise NotMeasured(f"a worker was not ready within {START:.0f} s\n{_last_words(one)}")
                self.must_run()
                time.sleep(LOOK)

    def stop(self) -> None:
        """Raises ``NotMeasured`` where one does not end well."""
        for one in self.members:
            one.process.terminate()
        for one in self.members:
            if code := one.process.wait(STOP):
                raise NotMeasured(f"a worker ended with {code}\n{_last_words(one)}")

    def must_run(self) -> None:
        """Raises ``NotMeasured`` where one does not."""
        for one in self.members:
            if one.process.poll() is not None:
                raise NotMeasured(f"a worker ended with {one.process.returncode}\n{_last_words(one)}")


@contextmanager
def a_fleet(launch: Launch, size: int = 1) -> Iterator[Fleet]:
    """So many workers. They were told to start, and may not be ready yet."""
    with ExitStack() as exits:
        yield Fleet([exits.enter_context(_a_member(launch, number)) for number in range(size)])


@contextmanager
def _a_member(launch: Launch, number: int) -> Iterator[Member]:
    admin, name = f"{LOCAL}:{free_port()}", f"{launch.group}-{number}-{time.monotonic_ns()}"
    log = launch.folder / f"{name}.log"
    with a_process(log, *launch.arguments(name, admin)) as process, Watch(process.pid) as watch:
        yield Member(process, Admin(f"http://{admin}"), watch, log)


def _last_words(of: Member) -> str:
    return of.log.read_text(errors="replace")[-3000:]
