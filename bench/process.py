"""What a process costs, from ``/proc``: its CPU at any moment of a run, and its largest memory.

And what the machine was doing besides: where other programs took a good part of it, the rate says little.
"""

from __future__ import annotations

import os
import threading
import time
from bisect import bisect_left
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

TICK = os.sysconf("SC_CLK_TCK")
INTERVAL = 0.02


def _cpu(stat: Path) -> float:
    """User and system seconds of a process."""
    # After the name, which may hold spaces: field 14 and 15 of proc(5), counted from 1.
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def _parent(stat: Path) -> int:
    return int(stat.read_text().rpartition(")")[2].split()[1])


def family() -> float:
    """CPU seconds so far of this process and the children that run: the whole bench."""
    total = _cpu(Path("/proc/self/stat"))
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, IndexError):  # ended meanwhile
            total += _cpu(stat) if _parent(stat) == os.getpid() else 0.0
    return total


def machine() -> float:
    """Seconds that all CPUs together have worked since the machine began."""
    user, nice, system, _idle, _waiting, *interrupts = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    return sum(int(ticks) for ticks in (user, nice, system, *interrupts[:2])) / TICK


class Others:
    """The share of the machine that programs outside the bench take, from its making on."""

    def __init__(self) -> None:
        self._began, self._family, self._machine = time.monotonic(), family(), machine()

    def share(self) -> float:
        """0 to 1."""
        worked = machine() - self._machine - (family() - self._family)
        return max(0.0, worked / (time.monotonic() - self._began) / (os.cpu_count() or 1))


class Watch:
    """Samples a process until the end of its ``with`` block, or until the process ends."""

    def __init__(self, pid: int) -> None:
        self._folder = Path("/proc") / str(pid)
        self._times: list[float] = []
        self._seconds: list[float] = []
        self._peak = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    @property
    def peak(self) -> int:
        """The largest resident memory so far, in bytes."""
        return self._peak

    def cpu(self, begin: float, end: float) -> float:
        """User and system seconds between two Unix times."""
        return self._at(end) - self._at(begin)

    def _at(self, moment: float) -> float:
        after = bisect_left(self._times, moment)
        if after == 0 or after == len(self._times):
            return self._seconds[min(after, len(self._times) - 1)]
        begin, end = self._times[after - 1 : after + 1]
        share = (moment - begin) / (end - begin)
        return self._seconds[after - 1] + share * (self._seconds[after] - self._seconds[after - 1])

    def _watch(self) -> None:
        while not self._over.wait(INTERVAL):
            try:
                self._sample()
            except (OSError, IndexError):
                return  # the process is gone

    def _sample(self) -> None:
        seconds = _cpu(self._folder / "stat")
        self._times.append(time.time())
        self._seconds.append(seconds)
        status = (self._folder / "status").read_text()
        self._peak = int(status.partition("VmHWM:")[2].split()[0]) << 10
