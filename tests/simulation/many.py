"""Many schedules, on all cores; a violation is named with its seed.

``python -m tests.simulation.many --schedules 10000`` runs the seeds from 0 on; ``--first N`` begins at another one.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from os import cpu_count

from tests.simulation.bugs import a_world_with
from tests.simulation.world import Broken, World

CHUNK = 25


def violation(seed: int, bug: str | None = None) -> str | None:
    """What the schedule of this seed breaks, or nothing."""
    world = World(seed) if bug is None else a_world_with(bug, seed)
    try:
        world.run()
    except Broken as broken:
        return f"seed {seed}: {broken}"
    except Exception as error:  # noqa: BLE001  (a lane that raises has broken every promise; its seed must be told)
        return f"seed {seed}: {type(error).__name__}: {error}"
    return None


def violations(seeds: range) -> Iterator[str]:
    """Of many schedules, in the order of their seeds."""
    with ProcessPoolExecutor(cpu_count(), mp_context=get_context("spawn")) as processes:
        for found in processes.map(violation, seeds, chunksize=CHUNK):
            if found is not None:
                yield found


def first_found(bug: str, seeds: range) -> str | None:
    """The first schedule that shows a planted bug."""
    return next((found for found in map(partial(violation, bug=bug), seeds) if found is not None), None)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schedules", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    asked = parser.parse_args()
    count = 0
    for found in violations(range(asked.first, asked.first + asked.schedules)):
        count += 1
        print(found[:2000], flush=True)
    print(f"{asked.schedules} schedules, {count} violations")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
