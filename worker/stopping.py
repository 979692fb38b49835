"""SIGTERM and SIGINT, how long a stop may take, whatever the event loop does, and the exit code at its end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence
from typing import Final

from worker.adapters.connection import KafkaNotReached, Log
from worker.adapters.refusals import Refused
from worker.adapters.subscription import GRACE_SECONDS
from worker.commands.exits import Exit
from worker.config import SetupError
from worker.core.starts import NoStart
from worker.runner import LEAVING, Runner
from worker.watchdog import Watchdog

CLOSING: Final = 5.0  # seconds for the producer's last answers
# After the drain: the last commit, the leave, the producer's last answers.
AFTER_THE_DRAIN: Final = 2 * LEAVING + CLOSING + GRACE_SECONDS


def heed_signals(
    loop: asyncio.AbstractEventLoop,
    stop: Callable[[None], None],
    runners: Sequence[Runner],
    dog: Watchdog,
    drain_timeout: float,
) -> None:
    """From now on. ``stop(None)`` is called on the loop; the bounds of the stop hold without it.

    Not by the loop's own handlers, which a loop that hangs never runs: Python runs these between any two bytecodes.
    """
    drain = drain_timeout + GRACE_SECONDS

    def told(_number: int, _frame: object) -> None:
        if loop.is_closed():
            return  # it is over already
        dog.bounded("the drain of a stop", drain, lambda: all(runner.drained for runner in runners))
        dog.bounded("the stop", drain + AFTER_THE_DRAIN, lambda: False)
        loop.call_soon_threadsafe(stop, None)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told)


def exit_code(error: BaseException | None, log: Log) -> int:
    """0 after a clean stop, 70 for a fault of the program.

    Raises SetupError, KafkaNotReached: the command knows their codes.
    """
    match error:
        case None:
            log.info("stopped")
            return Exit.OK
        case NoStart() | Refused():
            raise SetupError([str(error)])
        case KafkaNotReached():
            raise error
        case _:
            log.error("ended by an error", error=type(error).__name__, exc_info=error)
            return Exit.INTERNAL
