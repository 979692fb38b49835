"""The query of KEDA's Prometheus trigger, run by promtool: how much lag more workers could mend."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from tests.deploy import tools
from tests.deploy.chart import CHART, render, the
from worker.core.holds.states import HELD, State
from worker.metrics import METRICS

UNKNOWN: Final = 1e9  # more than any lag: Kafka's own then counts
JOB: Final = "growth/relay-segment-relay"  # prometheus-operator: <namespace>/<PodMonitor>
# What keeps a lane from going on, and whether more workers mend it.
# (Concurrency that was found low may be the worker's own full core, which another one mends.)
MENDED: Final = ("idle", "buffer events", "buffer bytes", "retry budget", "concurrency")
NOT_MENDED: Final = ("failing users", "offset map", "rate", "dead letters", "commit", "lease")

Series = dict[str, str]

pytestmark = pytest.mark.needs("helm", "promtool")


def series(name: str, values: str, pod: int = 0, **labels: str) -> Series:
    """One input series, a sample a minute: "3x9" is 3, ten times."""
    own = {"job": JOB, "namespace": "growth", "instance": f"10.0.0.{pod}:9404", "destination": "wigzo", **labels}
    return {"series": f"segment_relay_{name}{{{', '.join(f'{k}={v!r}' for k, v in own.items())}}}", "values": values}


def lag(values: str, pod: int = 0, partition: int = 0, **labels: str) -> Series:
    return series("consumer_lag", values, pod, topic="events", partition=str(partition), **labels)


def state(values: str, pod: int = 0, state: State = State.BREAKER, **labels: str) -> Series:
    return series("destination_state", values, pod, state=state.value, **labels)


def limited(values: str, limit: str, pod: int = 0) -> Series:
    return series("limited_by", values, pod, limit=limit)


# A lag of 100 and one of 40 at two workers, and what else Prometheus knows: what counts after ten minutes.
TWO: Final = [lag("100x20", pod=0, partition=0), lag("40x20", pod=1, partition=1)]
CASES: Final[dict[str, tuple[list[Series], float]]] = {
    "nothing is known": ([], UNKNOWN),
    "only another release is known": ([lag("100x20", job="staging/relay")], UNKNOWN),
    "only another destination is known": ([lag("100x20", destination="wootric")], UNKNOWN),
    "all go on": ([*TWO, state("0x20", pod=0), state("0x20", pod=1)], 140),
    "all have caught up": ([lag("0x20"), state("0x20")], 0),
    "one is held": ([*TWO, state("1x20", pod=0), state("0x20", pod=1)], 40),
    "all are held": ([*TWO, state("1x20", pod=0), state("1x20", pod=1)], 0),
    "one was held until four minutes ago": ([*TWO, state("1x6 0x13", pod=0)], 40),
    "one was held until six minutes ago": ([*TWO, state("1x4 0x15", pod=0)], 140),
    "one is limited now and then": ([*TWO, state("0 1 0 0 0 1 0 0 1 0 0 0", pod=0, state=State.LIMITED)], 40),
    "another release is held": ([*TWO, state("1x20", job="staging/relay")], 140),
    "another destination is held": ([*TWO, state("1x20", destination="wootric")], 140),
    "a partition has just changed hands": ([*TWO, lag("90x20", pod=1, partition=0)], 140),
    "a worker that has gone was held": ([*TWO, state("1x9 stale", pod=7)], 140),
    "the lag of one is gone, and it was held": ([TWO[0], lag("40x8 stale", pod=1, partition=1)], 100),
}
CASES.update({f"one is in the state {each}": ([*TWO, state("1x20", state=each)], 40) for each in sorted(HELD)})
CASES.update({f"one is in the state {each}": ([*TWO, state("1x20", state=each)], 140) for each in set(State) - HELD})
CASES.update({f"one is limited by {each}": ([*TWO, limited("1x20", each)], 40) for each in NOT_MENDED})
CASES.update({f"one is limited by {each}": ([*TWO, limited("1x20", each)], 140) for each in MENDED})


def query_of(objects: list[dict[str, Any]], destination: str) -> str:
    (found,) = (
        each["metadata"]["query"]
        for each in the(objects, "ScaledObject")["spec"]["triggers"]
        if each["name"] == f"mendable_{destination}"
    )
    return str(found)


def test_lag_counts_where_more_workers_can_mend_it(tmp_path: Path) -> None:
    objects = render(CHART / "ci" / "keda-values.yaml", release="relay")
    query = query_of(objects, "wigzo")
    groups = [group(name, given, query, expected) for name, (given, expected) in CASES.items()]
    assert "" == refused_by_promtool({"evaluation_interval": "1m", "tests": groups}, tmp_path)


def group(name: str, given: list[Series], query: str, expected: float) -> Mapping[str, Any]:
    sample = {"labels": "{}", "value": expected}
    asked = {"expr": query, "eval_time": "10m", "exp_samples": [sample]}
    return {"name": name, "interval": "1m", "input_series": given, "promql_expr_test": [asked]}


def refused_by_promtool(tests: Mapping[str, Any], folder: Path) -> str:
    """What promtool has against these tests: nothing, where all of them hold."""
    file = folder / "tests.yaml"
    file.write_text(json.dumps(tests), "utf-8")
    said = subprocess.run([tools.promtool(), "test", "rules", file], capture_output=True, text=True, timeout=60)
    return said.stderr + said.stdout if said.returncode else ""


def test_every_limit_of_the_worker_is_one_or_the_other() -> None:
    (limits,) = (metric.help for metric in METRICS if metric.name == "segment_relay_limited_by")
    named = {name for names in re.findall(r"([a-z, ]+): ", limits) for name in names.strip(" ").split(", ")}
    # Held, and disabled: the state says the one, and of the other's destination there is no trigger.
    assert named == {*MENDED, *NOT_MENDED, "held", "disabled"}


def test_who_scrapes_otherwise_names_the_series() -> None:
    query = query_of(render(CHART / "ci" / "keda-sasl-values.yaml"), "wigzo_eu")
    assert 4 == query.count('{job="relay", cluster="eu", destination="wigzo-eu"')
    assert 4 == query.count("segment_relay_")
