"""Where the installed program begins: what must be there before anything is loaded, and then the command line."""

from __future__ import annotations

import os
import signal
from typing import NoReturn


def main() -> None:
    """``segment-relay``."""
    # Process 1 of a container has no default for signals: what it does not handle, the kernel throws away. A pod that
    # is told to stop in its first second would join its group, work, and be killed a minute later.
    if os.getpid() == 1:
        signal.signal(signal.SIGTERM, die)
    # Only now: loading it takes longer than all before.
    from worker.cli import main as command_line

    command_line()


def die(number: int, _frame: object) -> NoReturn:
    """As any other process does that has no handler; the code is a shell's."""
    os._exit(128 + number)
