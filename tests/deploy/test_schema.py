"""What the chart renders is valid, for the oldest Kubernetes and the newest; wrong values are refused by name."""

from __future__ import annotations

import json
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import kubernetes_validate
import pytest
import yaml

from tests.deploy import tools
from tests.deploy.chart import CHART, CI_VALUES, MINIMAL, Refused, refusal, render
from worker.reference import chart_schema

OLDEST: Final = "1.29.0"
NEWEST: Final = "1.37.0"
# Kinds of operators: a real API server reads these (test_apiserver.py).
CUSTOM: Final = ("ScaledObject", "TriggerAuthentication", "PodMonitor", "PrometheusRule")
SCHEMA: Final = CHART / "values.schema.json"

# What somebody may write, and what Helm says about it.
REFUSED: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "a misspelt key": ({"partition": 12}, "additional properties 'partition' not allowed"),
    "no workers": ({"replicas": 0}, "at '/replicas': minimum: got 0, want 1"),
    "a number as text": ({"partitions": "12"}, "at '/partitions': got string, want integer"),
    "another workload": (
        {"workload": "DaemonSet"},
        "at '/workload': value must be one of 'StatefulSet', 'Deployment'",
    ),
    "two ways to scale": (
        {"autoscaling": {"mode": ["keda", "hpa"]}},
        "at '/autoscaling/mode': value must be one of 'none', 'keda', 'hpa'",
    ),
    "none at night": ({"autoscaling": {"minReplicas": 0}}, "at '/autoscaling/minReplicas': minimum: got 0, want 1"),
    "a table that is taken away": ({"config": {"worker": None}}, "at '/config': missing property 'worker'"),
    "a misspelt setting": (
        {"config": {"kafka": {"bootstrap_server": "kafka-1.example:9092"}}},
        "at '/config/kafka': additional properties 'bootstrap_server' not allowed",
    ),
    "a password in clear": (
        {"config": {"kafka": {"sasl_password": "hunter2"}}},
        "at '/config/kafka': additional properties 'sasl_password' not allowed",
    ),
    "a token in clear": (
        {"config": {"destinations": {"wigzo": {"settings": {"org_token": "hunter2"}}}}},
        "at '/config/destinations/wigzo/settings': additional properties 'org_token' not allowed",
    ),
    "a destination without its token": (
        {"config": {"destinations": {"survey": {"mapping": "wootric", "start_at": "latest", "settings": {}}}}},
        "at '/config/destinations/survey/settings': missing property 'account_token_file'",
    ),
    "a name that no group can have": (
        {"config": {"destinations": {"Wigzo EU": {"mapping": "wigzo"}}}},
        "at '/config/destinations': additional properties 'Wigzo EU' not allowed",
    ),
    "a duration in words": (
        {"config": {"kafka": {"session_timeout": "90 seconds"}}},
        "at '/config/kafka/session_timeout': '90 seconds' does not match pattern",
    ),
    "no time at all": (
        {"config": {"destinations": {"wigzo": {"request_timeout": 0}}}},
        "at '/config/destinations/wigzo/request_timeout': minimum: got 0, want 0.001",
    ),
    "a size in other units": (
        {"config": {"destinations": {"wigzo": {"buffer_bytes": "64MB"}}}},
        "at '/config/destinations/wigzo/buffer_bytes': '64MB' does not match pattern",
    ),
    "off, which YAML takes for false": (
        {"config": {"destinations": {"wigzo": {"reject_guard": False}}}},
        "at '/config/destinations/wigzo/reject_guard': got boolean, want",
    ),
    "a topic as text": (
        {"config": {"kafka": {"topics": "segment-events"}}},
        "at '/config/kafka/topics': got string, want array",
    ),
    "a host without a port": (
        {"config": {"kafka": {"bootstrap_servers": ["kafka-1.example"]}}},
        "at '/config/kafka/bootstrap_servers/0': 'kafka-1.example' does not match pattern",
    ),
    "a tag as a digest": ({"image": {"digest": "0.1.0"}}, "at '/image/digest': '0.1.0' does not match pattern"),
    "no quotes in a selector": (
        {"autoscaling": {"keda": {"prometheus": {"selector": "job=relay"}}}},
        "at '/autoscaling/keda/prometheus/selector': 'job=relay' does not match pattern",
    ),
}


@pytest.mark.needs("helm")
@pytest.mark.parametrize("of", [OLDEST, NEWEST])
@pytest.mark.parametrize("values", CI_VALUES, ids=lambda file: file.stem)
def test_every_object_has_the_fields_that_kubernetes_knows(values: Path, of: str) -> None:
    objects = render(values, arguments=["--kube-version", of])
    checked = [each["kind"] for each in objects if each["kind"] not in CUSTOM]
    for each in objects:
        if each["kind"] in checked:
            kubernetes_validate.validate(each, of, strict=True)
    assert {"ConfigMap", "PodDisruptionBudget", "Pod"} < set(checked)


@pytest.mark.needs("helm")
def test_an_older_kubernetes_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        render(arguments=["--kube-version", "1.28.9"])
    assert "chart requires kubeVersion: >=1.29.0-0" in str(refused.value)


@pytest.mark.needs("helm", "helm3")
@pytest.mark.parametrize("values", CI_VALUES, ids=lambda file: file.stem)
def test_both_major_versions_of_helm_render_the_same(values: Path) -> None:
    assert render(values) == render(values, helm=tools.helm3())


@pytest.mark.needs("helm", "helm3")
@pytest.mark.parametrize("values", CI_VALUES, ids=lambda file: file.stem)
def test_helm_lint_finds_nothing(values: Path) -> None:
    for helm in (tools.helm(), tools.helm3()):
        said = subprocess.run(
            [helm, "lint", "--strict", CHART, "--values", values], capture_output=True, text=True, timeout=60
        )
        assert (0, True) == (said.returncode, "1 chart(s) linted, 0 chart(s) failed" in said.stdout), said.stdout


@pytest.mark.needs("helm")
@pytest.mark.parametrize("mistake", REFUSED)
def test_a_wrong_value_is_refused_by_name(mistake: str) -> None:
    values, says = REFUSED[mistake]
    refused = refusal(MINIMAL, values)
    assert says in refused
    assert "hunter2" not in refused


@pytest.mark.needs("helm", "helm3")
@pytest.mark.parametrize("mistake", REFUSED)
def test_helm_3_refuses_it_as_well(mistake: str) -> None:
    values, _ = REFUSED[mistake]
    assert "values don't meet the specifications of the schema" in refusal(MINIMAL, values, helm=tools.helm3())


def test_the_schema_of_config_is_what_the_worker_declares() -> None:
    found = SCHEMA.read_text("utf-8")
    assert chart_schema(found) == found, "run: make docs"


def test_no_object_of_the_schema_takes_unknown_keys_by_oversight() -> None:
    # What is Kubernetes' own is handed on as it is; of a package's own mapping, nobody here knows the settings.
    free = {"affinity", "behavior", "extraEgress", "global", "metricsFrom", "tolerations", "topologySpreadConstraints"}
    assert free == {name for name, each in objects_in(json.loads(SCHEMA.read_text("utf-8"))) if is_open(each)}


def objects_in(schema: dict[str, Any], name: str = "") -> list[tuple[str, dict[str, Any]]]:
    """Each schema of an object, by the last name on the way to it."""
    named = [*schema.get("properties", {}).items(), *schema.get("patternProperties", {}).items()]
    named += [(name, schema[key]) for key in ("items", "then") if key in schema]
    named += [(name, each) for each in schema.get("allOf", [])]
    here = [(name, schema)] if schema.get("type") == "object" else []
    return here + [found for inner, each in named for found in objects_in(each, inner)]


def is_open(schema: dict[str, Any]) -> bool:
    return "additionalProperties" not in schema


def test_the_chart_is_of_the_workers_release() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))
    assert version("segment-relay") == chart["appVersion"]
    assert f">={OLDEST}-0" == chart["kubeVersion"]
