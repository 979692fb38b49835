"""What every pod of a release is, whatever the values: a worker's, and that of `helm test`."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest
import typer

from tests.deploy.chart import CI_VALUES, both_pods, container, of_kind, pod, rendered, said
from worker.cli import app

pytestmark = [
    pytest.mark.needs("helm"),
    pytest.mark.parametrize("values", CI_VALUES, ids=lambda file: file.stem),
]


def test_pods_need_no_right_that_the_restricted_level_withholds(values: Path) -> None:
    for spec in both_pods(rendered(values)):
        assert {"runAsNonRoot": True, "runAsUser": 10001, "runAsGroup": 10001, "fsGroup": 10001} | {
            "seccompProfile": {"type": "RuntimeDefault"}
        } == spec["securityContext"]
        assert {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        } == spec["containers"][0]["securityContext"]
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
        assert {"config", "secrets", "tmp"} == {each["name"] for each in spec["volumes"]}
        (mode,) = (each["secret"]["defaultMode"] for each in spec["volumes"] if "secret" in each)
        assert 0o440 == mode


def test_no_pod_gets_a_token_of_kubernetes(values: Path) -> None:
    objects = rendered(values)
    for spec in both_pods(objects):
        assert (False, False) == (spec["automountServiceAccountToken"], spec["enableServiceLinks"])
    own = said(values).get("serviceAccount", {}).get("create", True)
    named = pod(objects)["spec"]["serviceAccountName"]
    assert [named] * own == [each["metadata"]["name"] for each in of_kind(objects, "ServiceAccount")]
    assert (named == "default") is not own


def test_the_image_is_named_by_its_digest_or_else_by_release(values: Path) -> None:
    given = {"repository": "segment-relay", "tag": version("segment-relay"), **said(values).get("image", {})}
    named = f"@{given['digest']}" if "digest" in given else f":{given['tag']}"
    assert [given["repository"] + named] * 2 == [spec["containers"][0]["image"] for spec in both_pods(rendered(values))]


def test_memory_is_bounded_and_cpu_is_not(values: Path) -> None:
    resources = container(rendered(values))["resources"]
    assert {"memory", "ephemeral-storage"} == resources["limits"].keys()
    assert {"cpu", "memory", "ephemeral-storage"} == resources["requests"].keys()


def test_every_mount_has_its_volume_and_every_volume_its_mount(values: Path) -> None:
    for spec in both_pods(rendered(values)):
        (only,) = spec["containers"]
        assert {each["name"] for each in spec["volumes"]} == {each["name"] for each in only["volumeMounts"]}
        assert not any("subPath" in each for each in only["volumeMounts"])  # such a file never changes


def test_pods_of_one_release_are_spread(values: Path) -> None:
    objects = rendered(values)
    spread = pod(objects)["spec"]["topologySpreadConstraints"]
    labels = pod(objects)["metadata"]["labels"].items()
    assert {"ScheduleAnyway"} == {each["whenUnsatisfiable"] for each in spread}
    assert all(each["labelSelector"]["matchLabels"].items() <= labels for each in spread)


def test_every_command_is_one_of_the_program(values: Path) -> None:
    commands = typer.main.get_group(app).commands
    for (argument,) in (spec["containers"][0]["args"] for spec in both_pods(rendered(values))):
        assert argument in commands
