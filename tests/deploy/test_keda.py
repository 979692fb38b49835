"""Scaling by lag: what KEDA is told of each destination, and what it makes of that."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from itertools import product
from pathlib import Path
from typing import Any, Final

import pytest

from tests.deploy.chart import CHART, CI_VALUES, Object, of_kind, render, rendered, said, the

# What KEDA 2.21 reads of a trigger's metadata (its CRD takes any key): its own words, of those that this chart may use.
KEYS: Final = {
    "kafka": {
        "activationLagThreshold",
        "allowIdleConsumers",
        "bootstrapServers",
        "consumerGroup",
        "ensureEvenDistributionOfPartitions",
        "excludePersistentLag",
        "fullMetadata",
        "lagThreshold",
        "limitToPartitionsWithLag",
        "offsetResetPolicy",
        "partitionLimitation",
        "sasl",
        "scaleToZeroOnInvalidOffset",
        "tls",
        "topic",
        "unsafeSsl",
        "version",
    },
    "prometheus": {
        "activationThreshold",
        "authModes",
        "customHeaders",
        "ignoreNullValues",
        "namespace",
        "query",
        "queryParameters",
        "serverAddress",
        "threshold",
        "timeout",
        "unsafeSsl",
    },
}
SASL: Final = {"PLAIN": "plaintext", "SCRAM-SHA-256": "scram_sha256", "SCRAM-SHA-512": "scram_sha512"}
KEDA_VALUES: Final = [file for file in CI_VALUES if "mode: keda" in file.read_text("utf-8")]

pytestmark = pytest.mark.needs("helm")
every_keda = pytest.mark.parametrize("values", KEDA_VALUES, ids=lambda file: file.stem)


def triggers(objects: Iterable[Object], kind: str) -> list[Object]:
    return [each for each in the(objects, "ScaledObject")["spec"]["triggers"] if each["type"] == kind]


def enabled(values: Path) -> dict[str, Mapping[str, Any]]:
    destinations = said(values)["config"]["destinations"]
    return {name: each for name, each in destinations.items() if each.get("enabled", True)}


@every_keda
def test_every_trigger_has_keys_that_keda_knows_and_texts_for_values(values: Path) -> None:
    for kind, keys in KEYS.items():
        for trigger in triggers(rendered(values), kind):
            assert trigger["metadata"].keys() <= keys
            assert all(isinstance(value, str) for value in trigger["metadata"].values())


@every_keda
def test_each_destination_has_the_lag_of_its_own_group_in_each_topic(values: Path) -> None:
    kafka = said(values)["config"]["kafka"]
    group = kafka.get("group", "segment-relay")
    expected = {(f"{group}.{name}", topic) for name, topic in product(enabled(values), kafka["topics"])}
    found = [trigger["metadata"] for trigger in triggers(rendered(values), "kafka")]
    assert expected == {(each["consumerGroup"], each["topic"]) for each in found}
    assert len(expected) == len(found)
    assert {",".join(kafka["bootstrap_servers"])} == {each["bootstrapServers"] for each in found}


@every_keda
def test_where_a_group_without_a_commit_begins_is_told_as_the_worker_knows_it(values: Path) -> None:
    kafka = said(values)["config"]["kafka"]
    begins = {f"{kafka.get('group', 'segment-relay')}.{name}": each for name, each in enabled(values).items()}
    for trigger in triggers(rendered(values), "kafka"):
        starts = begins[trigger["metadata"]["consumerGroup"]]["start_at"]
        assert ("earliest" if starts == "earliest" else "latest") == trigger["metadata"]["offsetResetPolicy"]


@every_keda
def test_without_prometheus_a_commit_that_stands_still_adds_nobody(values: Path) -> None:
    objects = rendered(values)
    alone = not triggers(objects, "prometheus")
    assert {str(alone).lower()} == {each["metadata"]["excludePersistentLag"] for each in triggers(objects, "kafka")}


@every_keda
def test_the_formula_is_made_of_its_triggers(values: Path) -> None:
    spec = the(rendered(values), "ScaledObject")["spec"]
    names = [each["name"] for each in spec["triggers"]]
    formula = spec["advanced"]["scalingModifiers"]["formula"]
    assert sorted(names) == sorted(set(re.findall(r"[a-z_0-9]+", formula)) - {"min"})
    assert all(name.isidentifier() for name in names)
    # Its parser for a fallback takes whole numbers only; the Kafka triggers' threshold caps them at their partitions.
    target = spec["advanced"]["scalingModifiers"]["target"]
    assert {str(int(target))} == {each["metadata"]["lagThreshold"] for each in triggers(rendered(values), "kafka")}


def of(formula: str, **given: float) -> float:
    """What the formula makes of its triggers' values. (KEDA's language spells these as Python does.)"""

    def value(node: ast.expr) -> float:
        match node:
            case ast.Name(name):
                return given[name]
            case ast.BinOp(left, ast.Add(), right):
                return value(left) + value(right)
            case ast.Call(ast.Name("min"), arguments):
                return min(map(value, arguments))
        raise AssertionError(ast.dump(node))

    return value(ast.parse(formula, mode="eval").body)


def formula_of(values: Path) -> str:
    return str(the(rendered(values), "ScaledObject")["spec"]["advanced"]["scalingModifiers"]["formula"])


def test_a_held_destinations_lag_adds_nobody_and_the_others_lag_does() -> None:
    formula = formula_of(CHART / "ci" / "keda-values.yaml")
    kafka = {"lag_0_wigzo": 90_000.0, "lag_0_wootric": 30_000.0}
    assert 120_000 == of(formula, **kafka, mendable_wigzo=1e9, mendable_wootric=1e9)  # Prometheus knows nothing
    assert 30_000 == of(formula, **kafka, mendable_wigzo=0, mendable_wootric=1e9)
    # Of one user who fails, Kafka's lag holds all that was delivered behind; the workers know better.
    assert 500 == of(formula, **kafka, mendable_wigzo=300, mendable_wootric=200)


def test_a_destinations_topics_are_one_lag() -> None:
    formula = formula_of(CHART / "ci" / "keda-sasl-values.yaml")
    assert 70 == of(formula, lag_0_wigzo_eu=50, lag_1_wigzo_eu=20, mendable_wigzo_eu=1e9)
    assert 60 == of(formula, lag_0_wigzo_eu=50, lag_1_wigzo_eu=20, mendable_wigzo_eu=60)


@every_keda
def test_keda_speaks_to_kafka_as_the_worker_does(values: Path) -> None:
    kafka = said(values)["config"]["kafka"]
    encrypted = kafka.get("security_protocol", "PLAINTEXT").endswith("SSL")
    signs_in = {"sasl": SASL[kafka["sasl_mechanism"]]} if "sasl_mechanism" in kafka else {}
    for trigger in triggers(rendered(values), "kafka"):
        told = {name: value for name, value in trigger["metadata"].items() if name in ("tls", "sasl")}
        assert {"tls": "enable" if encrypted else "disable"} | signs_in == told


@every_keda
def test_every_authentication_that_a_trigger_names_is_there_or_is_your_own(values: Path) -> None:
    objects = rendered(values)
    own = said(values)["autoscaling"].get("keda", {}).get("prometheus", {}).get("triggerAuthentication")
    named = {each["authenticationRef"]["name"] for each in triggers(objects, "kafka") if "authenticationRef" in each}
    assert [{"name": own}] * bool(own) == [
        each["authenticationRef"] for each in triggers(objects, "prometheus") if "authenticationRef" in each
    ]
    assert named == {each["metadata"]["name"] for each in of_kind(objects, "TriggerAuthentication")}


def test_encryption_alone_needs_no_authentication() -> None:
    objects = render(CHART / "ci" / "keda-values.yaml", {"config": {"kafka": {"security_protocol": "SSL"}}})
    assert [] == of_kind(objects, "TriggerAuthentication")
    assert {("enable", False)} == {
        (each["metadata"]["tls"], "authenticationRef" in each) for each in triggers(objects, "kafka")
    }


def test_what_keda_signs_in_with_is_the_workers_own() -> None:
    files = {"cert_file": "/run/secrets/segment-relay/kafka.crt", "key_file": "/run/secrets/segment-relay/kafka.key"}
    objects = render(CHART / "ci" / "keda-sasl-values.yaml", {"config": {"kafka": files}})
    authentication = the(objects, "TriggerAuthentication")
    assert {each["authenticationRef"]["name"] for each in triggers(objects, "kafka")} == {
        authentication["metadata"]["name"]
    }
    assert {
        "password": ("growth", "kafka-password"),
        "ca": ("growth", "kafka-ca.pem"),
        "cert": ("growth", "kafka.crt"),
        "key": ("growth", "kafka.key"),
    } == {each["parameter"]: (each["name"], each["key"]) for each in authentication["spec"]["secretTargetRef"]}
    (name,) = authentication["spec"]["configMapTargetRef"]
    config = {each["metadata"]["name"]: each["data"] for each in of_kind(objects, "ConfigMap")}
    assert ("username", "relay") == (name["parameter"], config[name["name"]][name["key"]])


def test_the_address_of_prometheus_may_end_in_a_slash() -> None:
    behind_a_path = {"autoscaling": {"keda": {"prometheus": {"address": "https://metrics.example.com/prometheus/"}}}}
    objects = render(CHART / "ci" / "keda-values.yaml", behind_a_path)
    assert {"https://metrics.example.com/prometheus"} == {
        each["metadata"]["serverAddress"] for each in triggers(objects, "prometheus")
    }


def test_keda_may_sign_in_as_somebody_else() -> None:
    own = {"autoscaling": {"keda": {"triggerAuthentication": "kafka-reader"}}}
    objects = render(CHART / "ci" / "keda-sasl-values.yaml", own)
    assert {"kafka-reader"} == {each["authenticationRef"]["name"] for each in triggers(objects, "kafka")}
    assert [] == of_kind(objects, "TriggerAuthentication")


def test_no_lag_at_all_leaves_as_many_workers_as_there_are() -> None:
    spec = the(rendered(CHART / "ci" / "keda-values.yaml"), "ScaledObject")["spec"]
    assert {"failureThreshold": 3, "replicas": 2, "behavior": "currentReplicasIfHigher"} == spec["fallback"]
