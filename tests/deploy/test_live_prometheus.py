"""A real Prometheus scrapes real workers: every rule is healthy, every panel of the dashboard has series."""

from __future__ import annotations

import re
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy import chart, dashboard, scraping, tools
from tests.deploy.lively import DESTINATIONS, Pods, address_of, lively, names_on, page_of
from tests.deploy.daemons import NotReady
from tests.deploy.scraping import LIMITS, RULES, Prometheus, prometheus
from worker.sandbox.brokers import Cluster

pytestmark = [pytest.mark.apache, pytest.mark.needs("prometheus", "promtool", "helm")]

# Prometheus' own, and another exporter's.
NOT_OURS = {"up", "ALERTS", "kube_pod_container_resource_limits"}


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
            scraping.found(folder, {name: address_of(worker) for name, worker in pods.items()})
            server.until(lambda: len(server.query("segment_relay_build_info")) == len(pods), f"{len(pods)} are scraped")

        with lively(apache.bootstrap, tmp_path_factory.mktemp("workers"), unique, seen) as pods:
            yield Live(pods, server)


def unique(name: str) -> str:
    return f"{name}-{uuid.uuid4().hex[:8]}"


def test_the_workers_are_scraped_as_pods_and_nobody_else_is(live: Live) -> None:
    targets = live.prometheus.targets()["activeTargets"]
    common = {"job": chart.RELEASE, "namespace": chart.NAMESPACE, "container": "segment-relay"}
    expected = [{**common, "instance": address_of(worker), "pod": pod} for pod, worker in live.pods.items()]
    assert expected == sorted((one["labels"] for one in targets), key=lambda labels: labels["pod"])
    assert {("up", "")} == {(one["health"], one["lastError"]) for one in targets}


def test_every_rule_is_evaluated_without_an_error(live: Live) -> None:
    def evaluated() -> list[dict[str, Any]]:
        rules = live.prometheus.rules()
        return [] if any(rule["health"] == "unknown" for rule in rules) else rules

    rules = live.prometheus.until(evaluated, "every rule is evaluated")
    assert [] == [(rule["name"], rule["lastError"]) for rule in rules if rule["health"] != "ok"]
    written = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    names = {rule.get("alert") or rule["record"] for group in written for rule in group["rules"]}
    assert names <= {rule["name"] for rule in rules}


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

    live.prometheus.until(lambda: due <= alerts(), f"{due}")
    healthy = {"SegmentRelayBooksDoNotBalance", "SegmentRelayEventsLostToRetention", "SegmentRelayWorkerDown"}
    assert set() == healthy & {name for name, _ in alerts()}


def test_every_expression_of_the_dashboard_has_series(live: Live) -> None:
    written = dashboard.expressions(job=chart.RELEASE)

    def empty() -> list[str]:
        return [f"{one.where}: {one.text}" for one in written if not live.prometheus.query(one.text)]

    last: list[str] = []

    def all_have_some() -> bool:
        last[:] = empty()
        return not last

    with suppress(NotReady):
        live.prometheus.until(all_have_some, "every expression has series")
    assert [] == last
