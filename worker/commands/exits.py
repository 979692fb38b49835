"""How a command ends: its exit code, and what is said to the person before."""

from __future__ import annotations

import sys
import traceback
from enum import IntEnum
from pathlib import Path
from typing import Any


class Exit(IntEnum):
    """0 is success; 2 is also what a wrong command line gives."""

    OK = 0
    FAILED = 1
    SETUP = 2
    INTERNAL = 70
    NO_KAFKA = 75


def say(text: str) -> None:
    """To standard error, where results do not go."""
    print(text, file=sys.stderr)


def thrown_away(failed: Any) -> None:
    """In the place of Python's own report of an error that no code could take: that one quotes its message."""
    say(f"segment-relay: an error ({failed.exc_type.__name__}) while something was thrown away")


def internal(error: BaseException) -> int:
    """A fault of the program: what a report about it needs, without the message, which may quote an event."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    places = "\n".join(f"  {Path(frame.filename).name}:{frame.lineno} in {frame.name}" for frame in frames)
    say(
        f"segment-relay: an error in the program itself ({type(error).__name__}); please report it with this:\n{places}"
    )
    return Exit.INTERNAL
