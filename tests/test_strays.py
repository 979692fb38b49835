"""Errors that no code can take."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
from collections.abc import Generator, Iterator
from typing import Any

import pytest

from worker import strays

SECRET = "ann@example.com"


class Heard:
    """A log that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def error(self, event: str, **fields: Any) -> None:
        self.lines.append((event, fields))

    info = warning = error


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """The hooks are the process's own: put back what a test set up."""
    of_threads, of_nobody = threading.excepthook, sys.unraisablehook
    yield
    threading.excepthook, sys.unraisablehook = of_threads, of_nobody


def _stopped_by(failing: Any) -> tuple[list[BaseException], Heard]:
    """The errors that end the process once ``failing`` was called on its loop, and what was logged."""
    stopped: list[BaseException] = []
    log = Heard()

    async def run() -> None:
        loop = asyncio.get_running_loop()
        strays.catch(log, loop, stopped.append)
        loop.call_soon(failing)
        while not log.lines:
            await asyncio.sleep(0.01)
            gc.collect()
        await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(run(), 10))
    return stopped, log


def _fail(*_: object) -> None:
    raise ValueError(SECRET)


def test_a_callback_that_fails_ends_the_process() -> None:
    (error,), log = _stopped_by(lambda: asyncio.get_running_loop().call_soon(_fail, SECRET))
    assert ("an error that nobody took", error) == (log.lines[0][0], log.lines[0][1]["exc_info"])
    assert "Exception in callback _fail" == log.lines[0][1]["what"]


def test_a_thread_that_fails_ends_the_process() -> None:
    (error,), log = _stopped_by(lambda: threading.Thread(target=_fail, name="producer").start())
    assert [("a thread has ended by an error", {"thread": "producer", "exc_info": error})] == log.lines


def _flow() -> Generator[int, None, None]:
    try:
        yield 1
    finally:
        _fail()


def test_a_flow_that_fails_while_it_is_thrown_away_is_only_told() -> None:
    stopped, log = _stopped_by(lambda: next(_flow()))
    assert [] == stopped
    assert ["an error while something was thrown away"] == [line for line, _ in log.lines]


async def _failing() -> None:
    _fail()


def test_a_task_that_nobody_waits_for_is_told_without_its_error() -> None:
    stopped, log = _stopped_by(lambda: asyncio.get_running_loop().create_task(_failing()) and None)
    assert [] == stopped
    assert "Task exception was never retrieved" == log.lines[0][1]["what"]
