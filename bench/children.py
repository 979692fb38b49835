"""Python programs that the bench starts beside itself, with its own environment, and ends."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

STOP: Final = 60.0  # seconds that one may take to stop


@dataclass(frozen=True, slots=True)
class Child:
    """A module that is told things by its standard input, and answers on its standard output."""

    process: subprocess.Popen[str]

    def say(self, line: str) -> None:
        assert self.process.stdin is not None  # noqa: S101  (asked for)
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def heard(self) -> str:
        """Its next line; empty where it has ended."""
        assert self.process.stdout is not None  # noqa: S101  (asked for)
        return self.process.stdout.readline()

    def finish(self) -> None:
        """There is nothing more to say, and it ends by itself."""
        assert self.process.stdin is not None  # noqa: S101  (asked for)
        self.process.stdin.close()
        self.process.wait(STOP)


@contextmanager
def a_child(module: str, *arguments: str) -> Iterator[Child]:
    """``python -m module``; killed at the end where it still runs."""
    command = (sys.executable, "-m", module, *arguments)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Child(process)
        finally:
            process.kill()


@contextmanager
def a_process(log: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Python with these arguments; asked to stop at the end, and killed where it does not."""
    with log.open("wb") as output:
        process = subprocess.Popen((sys.executable, *arguments), stdout=output, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
