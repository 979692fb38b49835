"""The expressions' common parts. A user's series come from any of the workers, so everything is taken together.

``namespace`` may be missing from the series: its variable's *All* is ``.*``, which also takes what is not there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

PREFIX: Final = "segment_relay_"
WORKERS: Final = 'namespace=~"$namespace", job=~"$job"'
LANES: Final = f'{WORKERS}, destination=~"$destination"'
LANE: Final = "namespace, job, destination"  # one destination of one release
WORKER: Final = "pod, instance"

DELIVERED: Final = 'outcome="delivered"'
NEXT: Final = "\n  "
SPAN: Final = "$__rate_interval"

# The worker's word, and its colour here. A lane that is held by several workers for several reasons is called by the
# last of these; so is one that is limited by several things.
STATES: Final = (
    ("open", "green"),
    ("disabled", "#808080"),
    ("slow start", "light-green"),
    ("limited", "yellow"),
    ("breaker", "orange"),
    ("reject guard", "red"),
    ("login", "red"),
    ("set-up", "red"),
)
LIMITS: Final = (
    ("idle", "green"),
    ("nothing", "green"),
    ("disabled", "#808080"),
    ("retry budget", "yellow"),
    ("concurrency", "yellow"),
    ("rate", "yellow"),
    ("buffer events", "yellow"),
    ("buffer bytes", "yellow"),
    ("held", "orange"),
    ("offset map", "red"),
    ("failing users", "red"),
    ("dead letters", "red"),
    ("commit", "red"),
    ("lease", "red"),
)


def of(name: str, *matchers: str) -> str:
    """The lanes' series of a metric of ours, without its prefix."""
    return f"{PREFIX}{name}{{{', '.join((LANES, *matchers))}}}"


def process(name: str) -> str:
    """The workers' series of a metric of the process."""
    return f"{name}{{{WORKERS}}}"


def rate(name: str, *matchers: str, window: str = SPAN) -> str:
    """What comes in a second."""
    return f"rate({of(name, *matchers)}[{window}])"


def increase(name: str, window: str, *matchers: str) -> str:
    """How many in a while."""
    return f"increase({of(name, *matchers)}[{window}])"


def by(labels: str, expr: str) -> str:
    """Taken together by some labels."""
    return f"sum by ({labels}) ({expr})"


def per(some: str, all_of_them: str) -> str:
    """A share or an average; no series where there is nothing to divide by."""
    return f"{some} / ({all_of_them} > 0)"


def mean(histogram: str) -> str:
    """The average of a histogram, by destination."""
    return per(*(by("destination", rate(f"{histogram}_{part}")) for part in ("sum", "count")))


def quantile(share: float, name: str, labels: str, window: str = SPAN) -> str:
    """Of a histogram."""
    return f"histogram_quantile({share}, {by(f'{labels}, le', rate(f'{name}_bucket', window=window))})"


def lag(labels: str) -> str:
    """Records that wait. While a partition moves two workers may speak of it."""
    each = f"max by (namespace, job, destination, topic, partition) ({of('consumer_lag')})"
    return by(labels, each)


def without_owner(labels: str) -> str:
    """Partitions that no worker owns."""
    topic = "namespace, job, destination, topic"
    has = f"max by ({topic}) ({of('topic_partitions')})"
    return by(labels, f"{has} - sum by ({topic}) ({of('partitions_assigned')})")


def success(labels: str, window: str) -> str:
    """The share of settled events that were not given up; what a person parked is no failure."""
    given_up = by(labels, increase("dead_letters_total", window, 'reason!="parked"'))
    settled = by(labels, increase("events_settled_total", window))
    return f"1 - {per(given_up, settled)}"


def state() -> str:
    """The number of a destination's word in STATES."""
    codes = [("destination_state", "state", text) for text, _ in STATES if text != "disabled"]
    return _worst([*codes, ("limited_by", "limit", "disabled")], [text for text, _ in STATES], LANE)


def limit() -> str:
    """The number of a destination's word in LIMITS. A worker that nothing limits says nothing of it."""
    texts = [text for text, _ in LIMITS]
    said = _worst([("limited_by", "limit", text) for text in texts if text != "nothing"], texts, f"{LANE}, {WORKER}")
    silent = f"{texts.index('nothing')} + 0 * {of('ledger_imbalance')}"
    return f"max by ({LANE}) ({said} or on ({LANE}, {WORKER}) {silent})"


def _worst(series: Sequence[tuple[str, str, str]], words: Sequence[str], labels: str) -> str:
    each = (f"{words.index(text)} * " + of(name, f'{label}="{text}"') for name, label, text in series)
    return f"max by ({labels}) (\n  {f'{NEXT}or '.join(each)}\n)"
