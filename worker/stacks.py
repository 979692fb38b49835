"""Where every thread and every task of this process stands: files, lines and functions, never a value."""

from __future__ import annotations

import asyncio
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Final

SEPARATOR: Final = "\n  "  # what a log line on a terminal keeps (worker.logs)


def threads() -> str:
    """One line for each thread, its innermost call last."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    frames = sys._current_frames()  # noqa: SLF001  (the only way to see other threads; faulthandler writes to files)
    return SEPARATOR.join(f"{names.get(number, 'unknown')}: {_stack(frame)}" for number, frame in frames.items())


def tasks(loop: asyncio.AbstractEventLoop) -> str:
    """One line for all tasks that wait at the same place: there are hundreds of senders. From any thread."""
    places = Counter(f"{_name(task)}: {_awaits(task.get_coro())}" for task in asyncio.all_tasks(loop))
    return SEPARATOR.join(f"{number} × {place}" for place, number in places.most_common())


def _name(task: asyncio.Task[Any]) -> str:
    name = task.get_name()
    return "a task" if name.startswith("Task-") else name  # asyncio's own names are all different


def _stack(frame: FrameType) -> str:
    return " > ".join(_place(each.filename, each.lineno, each.name) for each in traceback.extract_stack(frame))


def _awaits(coroutine: Any) -> str:
    return " > ".join(_places(coroutine))


def _places(coroutine: Any) -> Iterator[str]:
    """From the task's own function to the one that it waits in."""
    while (frame := getattr(coroutine, "cr_frame", None)) is not None:
        yield _place(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)
        coroutine = coroutine.cr_await


def _place(file: str, line: int | None, function: str) -> str:
    path = Path(file)
    return f"{path.parent.name}/{path.name}:{line} in {function}"
