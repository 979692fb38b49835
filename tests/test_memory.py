"""What the process gives back of its memory."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from worker.memory import GIVE_BACK_EVERY, give_back_forever

# Pieces that stay between pieces that go: what is free is in the middle, and nothing of it goes back by itself.
FRAGMENTED = """
import os
from pathlib import Path
from worker.memory import give_back

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

pieces = [bytes(60_000) for _ in range(2_000)]
kept = pieces[::10]
pieces.clear()
before = resident()
give_back()
print(before - resident())
"""


class Enough(Exception):  # noqa: N818
    """A sleep that is not slept any more."""


def test_it_is_given_back_once_a_minute() -> None:
    slept: list[float] = []
    given: list[float] = []

    async def sleep(seconds: float) -> None:
        if len(slept) == 3:
            raise Enough
        slept.append(seconds)

    with pytest.raises(Enough):
        asyncio.run(give_back_forever(sleep, lambda: given.append(sum(slept))))
    assert [GIVE_BACK_EVERY * minute for minute in (1, 2, 3)] == given


def test_what_is_free_between_pieces_that_stay_goes_back_to_the_system() -> None:
    said = subprocess.run([sys.executable, "-c", FRAGMENTED], capture_output=True, text=True, check=True)
    assert int(said.stdout) > 50_000_000
