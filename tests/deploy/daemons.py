"""Processes that run for the length of a block, whatever happens in it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

GRACE = 10.0  # seconds between SIGTERM and SIGKILL


class NotReady(Exception):  # noqa: N818  (a sentence about a process of this machine)
    """Something did not come about in time. Its text says what, with a process's last words where it ended."""


@dataclass(frozen=True, slots=True)
class Daemon:
    """A running process. Its output goes to ``log``."""

    process: subprocess.Popen[bytes] = field(repr=False)
    log: Path

    def wait_until(self, ready: Callable[[], bool], what: str, timeout: float) -> None:
        """Return once ``ready`` is true. Raises NotReady when the process ends first, or after ``timeout`` seconds."""
        until(lambda: self.process.poll() is not None or ready(), what, timeout)
        if self.process.poll() is not None:
            raise NotReady(f"{what}: the process ended:\n{self._last_words()}")

    def _last_words(self) -> str:
        return self.log.read_text("utf-8", errors="replace")[-3000:]


def until(come: Callable[[], bool], what: str, timeout: float) -> None:
    """Return once ``come`` is true. Raises NotReady after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while not come():
        if time.monotonic() > deadline:
            raise NotReady(f"{what}: not within {timeout:.0f} s")
        time.sleep(0.05)


@contextmanager
def daemon(*command: str | Path, log: Path) -> Iterator[Daemon]:
    """Run ``command``; SIGTERM at the end of the block, SIGKILL after a while."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=log.parent, start_new_session=True
        )
    try:
        yield Daemon(process, log)
    finally:
        process.terminate()
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
