"""What ``/metrics`` shows: every metric of :mod:`worker.metrics`, the build, and the process."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable
from importlib.metadata import version

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from worker.build import build
from worker.metrics import BUILD, METRICS
from worker.scrape import LaneCollector, LaneView


class BuildCollector(Collector):
    """``build_info``: which release runs here, and which build of it."""

    def collect(self) -> Iterable[Metric]:
        labels = {"version": version("segment-relay"), "python": platform.python_version(), "build": build()}
        return [InfoMetricFamily(BUILD[0].removesuffix("_info"), BUILD[1], value=labels)]


def registry(lanes: Iterable[LaneView], clock: Callable[[], float] = time.time) -> CollectorRegistry:
    """The lanes, the build, and the process (memory, CPU, open files)."""
    made = CollectorRegistry()
    made.register(LaneCollector(METRICS, lanes, clock))
    made.register(BuildCollector())
    ProcessCollector(registry=made)
    return made
