"""Errors that no code can take: they end the process, and are told like all others, without their messages.

Python prints such an error itself, and its message may quote an event: a callback of the loop or a thread that fails,
or a stranger's flow that raises while it is thrown away.
"""

from __future__ import annotations

import asyncio
import re
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from worker.adapters.connection import Log

FAILED: Final = re.compile(r" ?[<(]")  # where a message begins to show what failed, with its arguments


def catch(log: Log, loop: asyncio.AbstractEventLoop, stop: Callable[[BaseException], None]) -> None:
    """From now on, in this process. ``stop`` is called on the loop: a thread or a callback that fails takes all along.

    What is thrown away, or was nobody's to wait for, hurts nobody: it is only told.
    """

    def of_the_loop(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        what = FAILED.split(str(context["message"]))[0]
        log.error("an error that nobody took", what=what, exc_info=error)
        if error is not None and "handle" in context:
            stop(error)

    def of_a_thread(failed: threading.ExceptHookArgs) -> None:
        thread = failed.thread.name if failed.thread else ""
        log.error("a thread has ended by an error", thread=thread, exc_info=failed.exc_value)
        with suppress(RuntimeError):  # the loop is closed: it has ended already
            loop.call_soon_threadsafe(stop, failed.exc_value or RuntimeError(f"the thread {thread} has ended"))

    def of_nobody(thrown: Any) -> None:
        log.error("an error while something was thrown away", exc_info=thrown.exc_value)

    loop.set_exception_handler(of_the_loop)
    threading.excepthook = of_a_thread
    sys.unraisablehook = of_nobody
