"""What a query may ask the worker for: its metrics, their labels, and the values of those that have a closed list."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final, get_args

from mappings.wigzo import DESTINATION as WIGZO
from mappings.wootric import DESTINATION as WOOTRIC
from worker.core.holds.states import HELD, State
from worker.core.reasons import MALFORMED, NOT_DELIVERED
from worker.core.tally import SECONDS, Cause, OutcomeName
from worker.metrics import METRICS
from worker.scrape import Declared

# Beside a metric's own: the lane's, and what Prometheus adds to a pod's.
ALWAYS: Final = ("destination", "job", "namespace", "pod", "instance")
HISTOGRAM: Final = ("_bucket", "_count", "_sum")
INFO: Final = {"segment_relay_build_info"}


def _names(metric: Declared) -> Iterable[str]:
    """The series of one declaration."""
    return (metric.name + suffix for suffix in HISTOGRAM) if metric.kind == "histogram" else (metric.name,)


DECLARED: Final[Mapping[str, Declared]] = {name: each for each in METRICS for name in _names(each)}
# What the help of limited_by explains is what the label can be.
LIMITS: Final = {
    name
    for names in re.findall(r"(?:^|\. )([a-z ,]+):", DECLARED["segment_relay_limited_by"].help)
    for name in names.split(", ")
}
CLOSED: Final[Mapping[tuple[str, str], Collection[str]]] = {
    ("segment_relay_destination_state", "state"): {state.value for state in State},
    ("segment_relay_held_seconds_total", "reason"): {state.value for state in HELD},
    ("segment_relay_limited_by", "limit"): LIMITS,
    ("segment_relay_dead_letters_total", "reason"): {*MALFORMED, *NOT_DELIVERED, *WIGZO.reasons, *WOOTRIC.reasons},
    ("segment_relay_events_possibly_repeated_total", "cause"): get_args(Cause),
    ("segment_relay_events_settled_total", "outcome"): get_args(OutcomeName),
    ("segment_relay_commits_total", "result"): {"ok"},
    ("segment_relay_delivery_latency_seconds_bucket", "le"): {*map(str, SECONDS), "+Inf"},
}
