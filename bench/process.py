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
MIB = 1 << 20
INTERVAL = 0.02
LOOK_ROUND = 25  # so many samples between two looks for new children


def _cpu(stat: Path) -> float:
    """User and system seconds of a process."""
    # After the name, which may hold spaces: field 14 and 15 of proc(5), counted from 1.
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def _parents() -> dict[int, int]:
    """Every process of the machine, and who started it."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, IndexError):  # ended meanwhile
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    return parents


def descendants(pid: int) -> set[int]:
    """A process and all that it, its children and theirs have started and that still run."""
    parents, found, latest = _parents(), {pid}, {pid}
    while latest:
        latest = {child for child, parent in parents.items() if parent in latest} - found
        found |= latest
    return found


def family() -> float:
    """CPU seconds so far of this process and all below it that run: the whole bench."""
    total = 0.0
    for pid in descendants(os.getpid()):
        with suppress(OSError, IndexError):  # ended meanwhile
            total += _cpu(Path("/proc") / str(pid) / "stat")
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
    """Samples a process and what it has started, until the end of its ``with`` block, or until the process ends."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._members = {pid}
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
        """The largest resident memory so far, in bytes; what processes share counts for each."""
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
        count = 0
        while not self._over.wait(INTERVAL):
            if count % LOOK_ROUND == 0:
                self._members = descendants(self._pid)
            try:
                self._sample()
            except (OSError, IndexError):
                if not Path(f"/proc/{self._pid}/stat").exists():
                    return
                self._members = descendants(self._pid)
            count += 1

    def _sample(self) -> None:
        folders = [Path("/proc") / str(pid) for pid in self._members]
        seconds = sum(_cpu(folder / "stat") for folder in folders)
        self._times.append(time.time())
        self._seconds.append(seconds)
        statuses = [(folder / "status").read_text() for folder in folders]
        self._peak = max(self._peak, sum(int(status.partition("VmHWM:")[2].split()[0]) << 10 for status in statuses))
