"""What must hold between the objects of one release, whatever the values: linters and schemas see one at a time."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.deploy.chart import (
    CHART,
    CI_VALUES,
    Object,
    check_pod,
    container,
    of_kind,
    pod,
    render,
    rendered,
    said,
    the,
    toml_of,
    workload,
)
from worker.settings.declared import of_table
from worker.settings.quantities import duration
from worker.settings.tables import KafkaSettings, WorkerSettings

RUNBOOKS: Final = "https://runbooks.example.com/segment-relay"
RESTART: Final = 30.0  # seconds from a worker's end to its next join: a pod is made, placed, and starts

pytestmark = [
    pytest.mark.needs("helm"),
    pytest.mark.parametrize("values", CI_VALUES, ids=lambda file: file.stem),
]


def settings(objects: Iterable[Object]) -> Mapping[str, Any]:
    return tomllib.loads(toml_of(objects))


def selectors(objects: Iterable[Object]) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Every selector of the release's own pods, by the kind that has it."""
    for each in objects:
        spec = each.get("spec", {})
        match each["kind"]:
            case "Service":
                yield "Service", spec["selector"]
            case "NetworkPolicy":
                yield "NetworkPolicy", spec["podSelector"]["matchLabels"]
            case "StatefulSet" | "Deployment" | "PodDisruptionBudget" | "PodMonitor":
                yield each["kind"], spec["selector"]["matchLabels"]


def test_every_selector_takes_the_workers_and_nothing_else(values: Path) -> None:
    objects = rendered(values)
    workers = pod(objects)["metadata"]["labels"].items()
    others = check_pod(objects)["metadata"]["labels"].items()
    for kind, selector in selectors(objects):
        assert selector.items() <= workers, kind
        # The pod of `helm test` needs the same ways out, and is nobody's worker.
        assert (selector.items() <= others) is (kind == "NetworkPolicy"), kind


def test_every_port_that_is_named_is_there(values: Path) -> None:
    objects = rendered(values)
    there = {port["name"]: port["containerPort"] for port in container(objects)["ports"]}
    probes = [container(objects)[f"{kind}Probe"]["httpGet"]["port"] for kind in ("startup", "liveness", "readiness")]
    served = [port["targetPort"] for each in of_kind(objects, "Service") for port in each["spec"]["ports"]]
    scraped = [end["port"] for each in of_kind(objects, "PodMonitor") for end in each["spec"]["podMetricsEndpoints"]]
    let_in = [
        port["port"]
        for each in of_kind(objects, "NetworkPolicy")
        for rule in each["spec"]["ingress"]
        for port in rule["ports"]
    ]
    assert {"admin": 9404} == there
    assert {"admin"} == {*probes, *served, *scraped, *let_in}


def test_every_file_of_the_settings_is_where_a_volume_is(values: Path) -> None:
    objects = rendered(values)
    mounts = {each["name"]: each["mountPath"] for each in container(objects)["volumeMounts"]}
    (items,) = (each["configMap"]["items"] for each in pod(objects)["spec"]["volumes"] if each["name"] == "config")
    assert f"{mounts['config']}/{items[0]['path']}" == env(objects)["SEGMENT_RELAY_CONFIG"]["value"]
    assert items[0]["key"] in the_config(objects)["data"]
    assert {mounts["secrets"]} >= {str(Path(file).parent) for file in files_in(settings(objects))}


def the_config(objects: Iterable[Object]) -> Object:
    (name,) = {each["configMap"]["name"] for each in pod(objects)["spec"]["volumes"] if "configMap" in each}
    (found,) = (each for each in of_kind(objects, "ConfigMap") if each["metadata"]["name"] == name)
    return found


def files_in(table: Mapping[str, Any]) -> Iterator[str]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from files_in(value)
        elif name.endswith("_file"):
            yield value


def env(objects: Iterable[Object]) -> Mapping[str, Object]:
    return {each["name"]: each for each in container(objects)["env"]}


def test_every_variable_is_a_setting_of_the_worker(values: Path) -> None:
    known = {
        f"SEGMENT_RELAY_{table}__{setting}".upper()
        for table, model in (("kafka", KafkaSettings), ("worker", WorkerSettings))
        for setting in of_table(model)
    }
    assert env(rendered(values)).keys() <= known | {"SEGMENT_RELAY_CONFIG"}


def test_only_the_pods_of_a_statefulset_are_static_members(values: Path) -> None:
    objects = rendered(values)
    field = env(objects).get("SEGMENT_RELAY_KAFKA__INSTANCE_ID", {}).get("valueFrom", {}).get("fieldRef", {})
    assert (field.get("fieldPath") == "metadata.name") is (workload(objects)["kind"] == "StatefulSet")
    # Its own check must not throw a worker of that name out of its group.
    assert ["SEGMENT_RELAY_CONFIG"] == [each["name"] for each in check_pod(objects)["spec"]["containers"][0]["env"]]


def test_a_worker_has_the_time_to_drain(values: Path) -> None:
    objects = rendered(values)
    assert "lifecycle" not in container(objects)  # its time would come off the grace
    drain = duration(settings(objects)["worker"]["drain_timeout"])
    assert pod(objects)["spec"]["terminationGracePeriodSeconds"] > drain


def test_a_static_member_comes_back_before_its_session_ends(values: Path) -> None:
    objects = rendered(values)
    toml = settings(objects)
    session = duration(toml["kafka"]["session_timeout"])
    needed = duration(toml["worker"]["drain_timeout"]) + RESTART if workload(objects)["kind"] == "StatefulSet" else 0.0
    assert session >= needed


def test_a_worker_that_waits_for_kafka_is_not_restarted_meanwhile(values: Path) -> None:
    objects = rendered(values)
    waits = duration(settings(objects)["worker"].get("start_timeout", "2m"))
    probe = container(objects)["startupProbe"]
    assert waits + 30 <= probe["periodSeconds"] * probe["failureThreshold"] <= waits + 32


def test_a_rollout_never_makes_more_workers_than_there_were(values: Path) -> None:
    spec = workload(objects := rendered(values))["spec"]
    match workload(objects)["kind"]:
        case "StatefulSet":
            assert ("Parallel", {"type": "RollingUpdate"}) == (spec["podManagementPolicy"], spec["updateStrategy"])
            assert the(objects, "Service")["metadata"]["name"] == spec["serviceName"]
        case _:
            one = spec.get("replicas") == 1
            bounds = {"maxSurge": 0, "maxUnavailable": 1}
            expected = {"type": "Recreate"} if one else {"type": "RollingUpdate", "rollingUpdate": bounds}
            assert expected == spec["strategy"]


def test_an_eviction_may_take_one_worker_at_a_time(values: Path) -> None:
    budget = the(rendered(values), "PodDisruptionBudget")["spec"]
    assert (1, "AlwaysAllow") == (budget["maxUnavailable"], budget["unhealthyPodEvictionPolicy"])


def test_rules_and_dashboard_are_the_plain_files_with_your_runbooks(values: Path) -> None:
    objects = rendered(values)
    given = said(values).get("monitoring", {})
    base = given.get("rules", {}).get("runbooks", RUNBOOKS).rstrip("/")
    plain = {file.name: file.read_text("utf-8").replace(RUNBOOKS, base) for file in (CHART / "files").iterdir()}
    rules = [each["spec"] for each in of_kind(objects, "PrometheusRule")]
    assert [yaml.safe_load(plain["rules.yaml"])] * ("rules" in given) == rules
    boards = [each["data"] for each in of_kind(objects, "ConfigMap") if "segment-relay.json" in each["data"]]
    assert [plain["dashboard.json"]] * ("dashboard" in given) == [each["segment-relay.json"] for each in boards]


def test_a_long_release_name_leaves_room_for_what_kubernetes_adds(values: Path) -> None:
    objects = render(values, {"fullnameOverride": ""}, release="r" * 53)
    name = workload(objects)["metadata"]["name"]
    assert len(f"{name}-7bdc9c5c5d") <= 63  # the label controller-revision-hash
    assert all(len(each["metadata"]["name"]) <= 63 for each in objects)


def test_the_network_lets_the_worker_reach_its_brokers(values: Path) -> None:
    objects = rendered(values)
    ports = {int(server.rpartition(":")[2]) for server in settings(objects)["kafka"]["bootstrap_servers"]}
    for policy in of_kind(objects, "NetworkPolicy"):
        out = {port["port"] for rule in policy["spec"]["egress"] if "to" not in rule for port in rule["ports"]}
        assert ports | {53, 443} <= out
