"""The dashboard: it asks for what the worker has, says what to do, and is what Grafana understands."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any, Final

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Dashboard
from prometheus_client import CollectorRegistry, ProcessCollector

from deploy.monitoring.dashboard import page
from deploy.monitoring.dashboard.promql import LIMITS, STATES
from tests.deploy import chart, dashboard
from tests.deploy.alerting import alerts
from tests.deploy.dashboard import expressions, panels, read
from tests.deploy.queries import spoken
from worker.core.holds.states import State
from worker.metrics import BUILD, METRICS

WIDTH: Final = 24  # columns of Grafana's grid
TARGET: Final = {"namespace", "job", "pod", "instance"}  # labels that Prometheus adds
# What others expose: the labels that are asked of them.
FOREIGN: Final[Mapping[str, set[str]]] = {
    "up": TARGET,
    "ALERTS": {"alertname", "alertstate", "destination", *TARGET},
    "kube_pod_container_resource_limits": {"namespace", "container", "resource"},
}
# Grafana's Prometheus data source reads these of an annotation; they are in no type of Grafana's own.
PROMETHEUS_ANNOTATION: Final = {"titleFormat", "textFormat", "tagKeys", "useValueForTime"}


def known() -> dict[str, set[str]]:
    """Each series that a worker may show, and its labels."""
    found = dict(FOREIGN)
    for declared in METRICS:
        labels = {"destination", *declared.labels, *TARGET}
        if declared.kind == "histogram":
            found |= {f"{declared.name}_{part}": labels for part in ("count", "sum")}
            found[f"{declared.name}_bucket"] = {*labels, "le"}
        else:
            found[declared.name] = labels
    process = CollectorRegistry()
    ProcessCollector(registry=process)
    found |= {sample.name: TARGET for family in process.collect() for sample in family.samples}
    return {**found, BUILD[0]: {"version", "python", "build", *TARGET}}


def test_the_file_is_what_its_declarations_say() -> None:
    assert page.text() == dashboard.FILE.read_text("utf-8"), "run: python -m deploy.monitoring.dashboard"


def test_every_expression_asks_for_series_and_labels_that_there_are() -> None:
    has = known()
    for one in expressions():
        said = spoken(one.text)
        assert said.selected, one
        labels = set().union(*(has[selected.metric] for selected in said.selected))
        assert said.labels <= labels, one
        for selected in said.selected:
            assert {label for label, _, _ in selected.matchers} <= has[selected.metric], (one.where, selected)


def test_every_metric_of_the_worker_is_shown_somewhere() -> None:
    shown = {selected.metric for one in expressions() for selected in spoken(one.text).selected}
    bare = {re.sub(r"_(bucket|count|sum)$", "", name) for name in shown}
    assert {declared.name for declared in METRICS} | {BUILD[0]} <= bare


def test_every_series_is_of_the_chosen_namespace_and_job_and_destination() -> None:
    for one in expressions(namespace="N", job="J", destination="D"):
        for selected in spoken(one.text).selected:
            chosen = {label: value.removesuffix("|") for label, _, value in selected.matchers}
            wanted = {"namespace": "N", "job": "J", "destination": "D"}
            of = {"namespace"} if selected.metric.startswith("kube_") else {*wanted} & known()[selected.metric]
            assert {label: wanted[label] for label in of}.items() <= chosen.items(), (one.where, selected)


def test_the_words_are_the_workers_own() -> None:
    assert {*State, "disabled"} == {word for word, _ in STATES}
    (declared,) = (one for one in METRICS if one.name == "segment_relay_limited_by")
    explained = {name for names in re.findall(r"(?:^|\. )([a-z ,]+):", declared.help) for name in names.split(", ")}
    assert explained | {"nothing"} == {word for word, _ in LIMITS}


def test_a_legend_names_labels_that_its_series_have() -> None:
    for panel in panels():
        for target in panel["targets"]:
            named = set(re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", "")))
            text = target["expr"].replace("$__rate_interval", "1m").replace("$__range", "1h")
            assert named <= spoken(text).labels, (panel["title"], target["legendFormat"])


def test_every_panel_says_what_to_do_about_it_and_in_which_unit() -> None:
    grafanas = {unit for name in dir(units) if isinstance(unit := getattr(units, name), str) and name[0] != "_"}
    titles = Counter(panel["title"] for panel in panels())
    assert [] == [title for title, times in titles.items() if times > 1]
    for panel in panels():
        defaults = panel["fieldConfig"]["defaults"]
        assert len(panel["description"].split()) >= 15, panel["title"]
        assert defaults["unit"] in grafanas, panel["title"]
        assert panel["targets"], panel["title"]


def test_every_alert_is_reached_from_a_panel_and_every_link_leads_to_an_alert() -> None:
    linked = {link["url"] for panel in panels() for link in panel.get("links", ())}
    assert {f"${{runbooks}}/{alert.name}.md" for alert in alerts()} == linked


@pytest.mark.needs("helm")
def test_the_charts_links_lead_to_the_runbooks_that_its_values_name() -> None:
    values = {"rules": {"runbooks": "https://wiki.example/relay/"}, "dashboard": {"enabled": True}}
    maps = chart.of_kind(chart.render(chart.MINIMAL, {"monitoring": values}), "ConfigMap")
    (whole,) = (json.loads(one["data"]["segment-relay.json"]) for one in maps if "segment-relay.json" in one["data"])
    (runbooks,) = (one["query"] for one in whole["templating"]["list"] if one["name"] == "runbooks")
    assert "https://wiki.example/relay" == runbooks
    assert page.RUNBOOKS not in json.dumps(whole)


def test_every_panel_has_a_number_and_a_place_of_its_own() -> None:
    everything = read()["panels"]
    assert len(everything) == len({panel["id"] for panel in everything})
    for panel in panels():
        letters = [target["refId"] for target in panel["targets"]]
        assert sorted(set(letters)) == letters, panel["title"]
    places = [(panel["title"], _cells(panel["gridPos"])) for panel in everything]
    for (first, here), (second, there) in combinations(places, 2):
        assert not here & there, (first, second)
    columns = {x for _, cells in places for x, _ in cells}
    assert set(range(WIDTH)) == columns
    # Nothing floats: below the first line, each panel stands on another one.
    taken = {cell for _, cells in places for cell in cells}
    assert [] == [title for title, cells in places if (y := min(y for _, y in cells)) and not _above(cells, y) <= taken]


def _cells(place: Mapping[str, int]) -> set[tuple[int, int]]:
    return {
        (x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])
    }


def _above(cells: set[tuple[int, int]], y: int) -> set[tuple[int, int]]:
    return {(x, y - 1) for x, row in cells if row == y}


def test_it_is_nobodys_instance() -> None:
    whole = read()
    assert ("segment-relay", None, None) == (whole["uid"], whole.get("id"), whole.get("__inputs"))
    sources = {json.dumps(found) for found in _all_of("datasource", whole)}
    assert {'{"type": "prometheus", "uid": "${datasource}"}'} == sources
    assert "$__interval" not in dashboard.FILE.read_text("utf-8").replace("$__rate_interval", "")


def test_grafana_knows_every_key() -> None:
    register_default_plugins()
    written = read()
    understood = json.loads(json.dumps(Dashboard.from_json(written), cls=JSONEncoder))
    lost = {path for path in _lost(written, understood) if path[-1] not in PROMETHEUS_ANNOTATION}
    assert set() == lost


def test_what_grafana_does_not_know_would_be_seen() -> None:
    register_default_plugins()
    written = read()
    written["panels"][1]["options"]["showHeadr"] = True
    understood = json.loads(json.dumps(Dashboard.from_json(written), cls=JSONEncoder))
    assert "showHeadr" in {path[-1] for path in _lost(written, understood)}


@pytest.mark.parametrize("text", ["sum by (a", "rate(x)", "x{"])
def test_what_is_no_promql_would_be_seen(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        spoken(text)


def _lost(written: Any, understood: Any, *path: str) -> Iterator[tuple[str, ...]]:
    """Where what was written is not in what was understood."""
    if isinstance(written, dict) and isinstance(understood, dict):
        for key, value in written.items():
            yield from _lost(value, understood.get(key), *path, key)
    elif isinstance(written, list) and isinstance(understood, list) and len(written) == len(understood):
        for number, (one, other) in enumerate(zip(written, understood, strict=True)):
            yield from _lost(one, other, *path, str(number))
    elif written != understood:
        yield path


def _all_of(key: str, tree: Any) -> Iterator[Any]:
    if isinstance(tree, dict):
        yield from ([tree[key]] if key in tree else ())
        tree = list(tree.values())
    if isinstance(tree, list):
        for branch in tree:
            yield from _all_of(key, branch)
