"""``python -m bench.flame``: where the event loop's thread spends its CPU, as a flame graph in ``docs/flame.svg``.

It is the stage ``runner`` of ``bench.stages``: one thread does everything, so a signal of the process's CPU time
(SIGPROF) finds it at work. A sampler that looks from outside has to stop the thread, and does so at system calls.
"""

from __future__ import annotations

import argparse
import gc
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from dis import opmap
from pathlib import Path
from types import FrameType
from typing import Final

import uvloop

from bench.flame_graph import Frame, Stack, boxes, draw, fold
from bench.in_memory import deliver
from bench.run import a_sink
from bench.stages import MICROSECONDS, Spent
from bench.workload import Workload
from worker.memory import COLLECT_AFTER

INTERVAL: Final = 0.001  # CPU seconds; the kernel rounds it up to its own tick, 1 to 10 ms
LEAST: Final = 0.005  # of the whole: what is narrower is part of its caller
BELOW: Final = frozenset(
    {"__main__", "runpy", "bench.flame", "uvloop", "asyncio.runners"}
)  # what every stack begins with
WHOLE: Final = "all of it; what nothing covers is the event loop's own, mostly system calls"
RESUME: Final = opmap["RESUME"]


class Sampler:
    """Counts stacks, from the first call until the second: how often each was found at work."""

    def __init__(self) -> None:
        self.stacks: Counter[Stack] = Counter()
        self.spent = Spent()

    def __call__(self) -> None:
        self.spent()
        begins = len(self.spent.at) == 1
        if begins:
            signal.signal(signal.SIGPROF, self._look)
        signal.setitimer(signal.ITIMER_PROF, *((INTERVAL, INTERVAL) if begins else (0.0, 0.0)))

    def _look(self, _number: int, frame: FrameType | None) -> None:
        self.stacks[stack_of(frame)] += 1


def stack_of(frame: FrameType | None) -> Stack:
    """The functions of the program, outermost first, each as ``module:qualified name``.

    Python heeds a signal between two of its instructions. One that is heeded where a function is only entered came
    before that, in its caller: for a callback, in the event loop.
    """
    if frame is not None and frame.f_code.co_code[frame.f_lasti] == RESUME:
        frame = frame.f_back
    found: list[str] = []
    while frame is not None and (module := frame.f_globals.get("__name__", "?")) not in BELOW:
        found.append(f"{module}:{frame.f_code.co_qualname}")
        frame = frame.f_back
    return tuple(reversed(found))


def sampled(workload: Workload) -> tuple[Frame, float]:
    """The tree of what was seen, and the CPU seconds an event."""
    sampler = Sampler()
    with a_sink(workload, 0) as url:
        uvloop.run(deliver(workload, url, sampler))
    return fold(sampler.stacks, WHOLE), sampler.spent.seconds / workload.events


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    gc.set_threshold(*COLLECT_AFTER)
    root, cost = sampled(Workload(events=given.events))
    each = cost * MICROSECONDS
    title = f"One event on the event loop's thread: {each:.0f} µs of CPU ({root.seen:,} samples)"
    given.to.write_text(draw(boxes(root, LEAST), title, each))
    print(title, file=sys.stderr)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.flame", description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--to", type=Path, default=Path("docs/flame.svg"))
    return parser


if __name__ == "__main__":
    sys.exit(main())
