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


IN_A_CYCLE = """
import gc, weakref
from worker.memory import give_back, settle_down

class Node:
    pass

settle_down()
nodes = [Node() for _ in range(1_000)]
for node in nodes:
    node.itself = node
known = [weakref.ref(node) for node in nodes]
del node, nodes
before = sum(one() is not None for one in known)
give_back()
print(before, sum(one() is not None for one in known))
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


def test_young_garbage_is_collected_although_the_collector_hardly_ever_looks_by_itself() -> None:
    said = subprocess.run([sys.executable, "-c", IN_A_CYCLE], capture_output=True, text=True, check=True)
    assert ["1000", "0"] == said.stdout.split()


def test_what_is_free_between_pieces_that_stay_goes_back_to_the_system() -> None:
    said = subprocess.run([sys.executable, "-c", FRAGMENTED], capture_output=True, text=True, check=True)
    assert int(said.stdout) > 50_000_000
