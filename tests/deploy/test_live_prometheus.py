"""A real Prometheus scrapes real workers: every rule is healthy, every panel of the dashboard has series."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from deploy.monitoring.dashboard.promql import LIMITS, STATES
from tests.deploy import chart, dashboard, scraping, tools
from tests.deploy.alerting import rules
from tests.deploy.daemons import NotReady
from tests.deploy.lively import DESTINATIONS, Pods, address_of, lively, names_on, page_of
from tests.deploy.queries import spoken
from tests.deploy.scraping import Prometheus, prometheus
from worker.sandbox.brokers import Cluster

pytestmark = [pytest.mark.apache, pytest.mark.needs("prometheus", "promtool", "helm")]
# Prometheus' own, and another exporter's.
NOT_THE_WORKERS: Final = {"up", "ALERTS", "kube_pod_container_resource_limits"}


@dataclass(frozen=True, slots=True)
class Live:
    """Workers to whom everything happens, and the Prometheus that has scraped them from the beginning."""

    pods: Pods
    prometheus: Prometheus


@pytest.fixture(scope="module")
def live(apache: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("prometheus")
    with prometheus(folder) as server:

        def seen(pods: Pods) -> None:
            scraping.discovered(folder, {name: address_of(worker) for name, worker in pods.items()})
            jobs = {chart.RELEASE: len(pods), scraping.PLAIN: len(pods)}
            server.until(lambda: jobs == scraped(server), f"{len(pods)} workers are scraped")

        with lively(apache.bootstrap, tmp_path_factory.mktemp("workers"), unique, seen) as pods:
            yield Live(pods, server)


def scraped(server: Prometheus) -> dict[str, int]:
    """How many workers each job has."""
    counted = server.query("count by (job) (segment_relay_build_info)")
    return {one["metric"]["job"]: int(one["value"][1]) for one in counted}


def unique(name: str) -> str:
    return f"{name}-{uuid.uuid4().hex[:8]}"


def test_the_workers_are_scraped_as_pods_and_nobody_else_is(live: Live) -> None:
    targets = [one for one in live.prometheus.targets()["activeTargets"] if one["scrapePool"] == "segment-relay"]
    common = {"job": chart.RELEASE, "namespace": chart.NAMESPACE, "container": "segment-relay"}
    expected = [{**common, "instance": address_of(worker), "pod": pod} for pod, worker in live.pods.items()]
    assert expected == sorted((one["labels"] for one in targets), key=lambda labels: labels["pod"])
    assert {("up", "")} == {(one["health"], one["lastError"]) for one in targets}


def test_every_rule_is_evaluated_without_an_error(live: Live) -> None:
    def evaluated() -> list[dict[str, Any]]:
        loaded = live.prometheus.rules()
        return [] if any(rule["health"] == "unknown" for rule in loaded) else loaded

    loaded = live.prometheus.until(evaluated, "every rule is evaluated")
    assert [] == [(rule["name"], rule["lastError"]) for rule in loaded if rule["health"] != "ok"]
    assert {rule.name for rule in rules()} <= {rule["name"] for rule in loaded}


def test_what_is_wrong_at_a_destination_is_a_pending_alert(live: Live) -> None:
    due = {
        ("SegmentRelaySetUpRefused", "closed"),
        ("SegmentRelayBreakerOpen", "down"),
        ("SegmentRelayDeadLettersWritten", "wigzo"),
    }

    def alerts() -> set[tuple[str, str]]:
        return {
            (one["metric"]["alertname"], one["metric"].get("destination", ""))
            for one in live.prometheus.query("ALERTS")
        }

    # An open breaker counts once it has been open for four fifths of the time since the start.
    live.prometheus.until(lambda: due <= alerts(), f"{due}", seconds=120)
    healthy = {"SegmentRelayBooksDoNotBalance", "SegmentRelayEventsLostToRetention", "SegmentRelayWorkerDown"}
    assert set() == healthy & {name for name, _ in alerts()}


# Outside Kubernetes there is neither a namespace nor a pod.
@pytest.mark.parametrize("job", [chart.RELEASE, scraping.PLAIN])
def test_every_expression_of_the_dashboard_has_a_figure(live: Live, job: str) -> None:
    written = dashboard.expressions(job=job)
    empty: list[str] = []

    def all_have_one() -> bool:
        empty[:] = [f"{one.where}: {one.text}" for one in written if not figures(live.prometheus, one.text)]
        return not empty

    with suppress(NotReady):
        live.prometheus.until(all_have_one, "every expression has a figure")
    assert [] == empty


def figures(server: Prometheus, text: str) -> list[str]:
    """The values of an instant query that are numbers."""
    return [value for one in server.query(text) if (value := one["value"][1]) != "NaN"]


def test_the_dashboard_says_which_destination_is_ill_and_why(live: Live) -> None:
    def seen() -> list[tuple[str, str]]:
        state, limit = words(live, "State A", STATES), words(live, "What limits it A", LIMITS)
        return [(state[name], limit[name]) for name in DESTINATIONS]

    # Of the first, one user's events wait; the second has nothing more to do.
    due = [("open", "nothing"), ("open", "idle"), ("breaker", "held"), ("set-up", "held")]
    with suppress(NotReady):
        live.prometheus.until(lambda: due == seen(), "the words")
    assert due == seen()


def words(live: Live, panel: str, of: Sequence[tuple[str, str]]) -> dict[str, str]:
    """What a panel says of each destination."""
    (text,) = (one.text for one in dashboard.expressions(job=chart.RELEASE) if one.where == panel)
    return {one["metric"]["destination"]: of[int(one["value"][1])][0] for one in live.prometheus.query(text)}


def test_every_metric_in_rules_and_dashboard_is_on_a_workers_page(live: Live) -> None:
    texts = [*(one.text for one in dashboard.expressions()), *(rule.expression for rule in rules())]
    asked = {selected.metric for text in texts for selected in spoken(text).selected}
    recorded = {rule.name for rule in rules()}
    shown = set().union(*(names_on(page_of(worker)) for worker in live.pods.values()))
    assert set() == asked - shown - recorded - NOT_THE_WORKERS


def test_promtool_has_nothing_against_a_workers_metrics(live: Live) -> None:
    for worker in live.pods.values():
        said = subprocess.run(
            [tools.promtool(), "check", "metrics"],
            input=page_of(worker), capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        assert (0, "", "") == (said.returncode, said.stdout, said.stderr)


def test_promtool_takes_the_example(tmp_path: Path) -> None:
    scraping.discovered(tmp_path, {})
    said = subprocess.run(
        [tools.promtool(), "check", "config", scraping.configuration(tmp_path)],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert 0 == said.returncode, said.stdout + said.stderr
    assert "FAILED" not in said.stdout + said.stderr


def test_a_worker_that_dies_is_missed_until_another_one_has_its_partitions(live: Live) -> None:
    """The last one with these workers: it takes one away."""

    def missed() -> set[tuple[str, str]]:
        alerts = live.prometheus.query(f'ALERTS{{job="{chart.RELEASE}"}}')
        return {(one["metric"]["alertname"], one["metric"].get("pod", "")) for one in alerts}

    name, worker = list(live.pods.items())[-1]
    worker.kill()
    due = {("SegmentRelayWorkerDown", name), ("SegmentRelayPartitionsWithoutOwner", "")}
    live.prometheus.until(lambda: due <= missed(), f"{due}")
    live.prometheus.until(lambda: missed() & due == {("SegmentRelayWorkerDown", name)}, "the other one has them")
