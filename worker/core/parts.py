"""The parts that a lane is composed of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from worker.core.commits import Commits
from worker.core.lookup_cache import LookupCache
from worker.core.probes import Probes
from worker.core.queues import Queues
from worker.core.troubles import Troubles


@dataclass(frozen=True, slots=True)
class Parts:
    """Their classes. The simulation plants its bugs here, so that each part is known to be needed."""

    queues: type[Queues] = Queues
    commits: type[Commits] = Commits
    cache: type[LookupCache] = LookupCache
    probes: type[Probes] = Probes
    troubles: type[Troubles] = Troubles


PARTS: Final = Parts()
