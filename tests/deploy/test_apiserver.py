"""What the chart renders is taken by a real API server: strictly, warnings as refusals, at the level ``restricted``.

And planted defects are not, so that the check is known to see.
"""

from __future__ import annotations

import copy
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.checks.golang import CONTROL_PLANE
from tests.deploy import tools
from tests.deploy.apiserver import ApiServer, manifest, must

CHART = Path("deploy/helm/segment-relay")
MANIFESTS = Path("deploy/manifests/segment-relay.yaml")
SHAPES = sorted((CHART / "ci").glob("*-values.yaml"))
NAMESPACE = "shapes"

Objects = dict[str, Any]

pytestmark = pytest.mark.needs("helm", "kubectl", "kube-apiserver", "etcd", "crds")


def rendered(values: Path) -> str:
    """As Helm writes it: kubectl reads the very text that a user's would."""
    command = (tools.helm(), "template", "relay", CHART, "--values", values, "--namespace", NAMESPACE)
    version = ("--kube-version", CONTROL_PLANE.version())
    done = subprocess.run((*command, *version), capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def shapes() -> Mapping[Path, str]:
    """What each values file makes."""
    return {values: rendered(values) for values in SHAPES}


@pytest.fixture(scope="session")
def one_of_each(shapes: Mapping[Path, str]) -> Mapping[str, Objects]:
    """One object of each kind that the shapes make."""
    return {each["kind"]: each for text in shapes.values() for each in yaml.safe_load_all(text) if each}


@pytest.fixture(scope="session")
def namespace(api: ApiServer, shapes: Mapping[Path, str]) -> str:
    """With what a pod has to find: a dry run stores no account, and the pod of ``helm test`` names one."""
    api.namespace(NAMESPACE)
    objects = [each for text in (*shapes.values(), MANIFESTS.read_text("utf-8")) for each in yaml.safe_load_all(text)]
    accounts = [each for each in objects if each and each["kind"] == "ServiceAccount"]
    must(api.kubectl("apply", "--namespace", NAMESPACE, "--filename=-", given=manifest(accounts)))
    must(api.kubectl("create", "serviceaccount", "default", "--namespace", NAMESPACE))  # a controller would
    must(api.kubectl("create", "priorityclass", "important", "--value=1000"))
    return NAMESPACE


@pytest.mark.parametrize("values", SHAPES, ids=lambda path: path.name.removesuffix("-values.yaml"))
def test_every_shape_is_taken(api: ApiServer, namespace: str, shapes: Mapping[Path, str], values: Path) -> None:
    must(api.try_out(shapes[values], namespace))


def test_the_plain_manifests_are_taken(api: ApiServer, namespace: str) -> None:
    must(api.try_out(MANIFESTS.read_text("utf-8"), namespace))


def pod_of(workload: Objects) -> Objects:
    pod: Objects = workload["spec"]["template"]["spec"]
    return pod


def selector_of_others(workload: Objects) -> None:
    workload["spec"]["template"]["metadata"]["labels"] = {"app.kubernetes.io/name": "another"}


def mount_without_its_volume(workload: Objects) -> None:
    pod_of(workload)["volumes"] = []


def perhaps_root(workload: Objects) -> None:
    for context in (pod_of(workload), *pod_of(workload)["containers"]):
        context.get("securityContext", {}).pop("runAsNonRoot", None)


def privileged(workload: Objects) -> None:
    pod_of(workload)["containers"][0]["securityContext"]["privileged"] = True


def limit_below_the_request(workload: Objects) -> None:
    pod_of(workload)["containers"][0]["resources"]["limits"] = {"memory": "1Mi"}


def unknown_field(scaled: Objects) -> None:
    scaled["spec"]["pollingIntervall"] = 30


def more_at_least_than_at_most(scaled: Objects) -> None:
    scaled["spec"]["minReplicaCount"] = scaled["spec"]["maxReplicaCount"] + 1


def duration_without_a_unit(rules: Objects) -> None:
    alert = next(rule for group in rules["spec"]["groups"] for rule in group["rules"] if "alert" in rule)
    alert["for"] = "10"


def both_bounds(budget: Objects) -> None:
    budget["spec"] |= {"minAvailable": 1, "maxUnavailable": 1}


@dataclass(frozen=True, slots=True)
class Defect:
    kind: str
    plant: Callable[[Objects], None]
    refusal: str


DEFECTS = (
    Defect("StatefulSet", selector_of_others, "`selector` does not match template `labels`"),
    Defect("StatefulSet", mount_without_its_volume, "volumeMounts[0].name: Not found"),
    Defect("StatefulSet", perhaps_root, 'would violate PodSecurity "restricted:latest": runAsNonRoot != true'),
    Defect("StatefulSet", privileged, "privileged: Forbidden: disallowed by cluster policy"),
    Defect("StatefulSet", limit_below_the_request, "must be less than or equal to memory limit"),
    Defect("PodDisruptionBudget", both_bounds, "minAvailable and maxUnavailable cannot be both set"),
    Defect("ScaledObject", unknown_field, 'unknown field "pollingIntervall"'),
    Defect("ScaledObject", more_at_least_than_at_most, "minReplicaCount"),
    Defect("PrometheusRule", duration_without_a_unit, "for: Invalid value"),
)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.plant.__name__)
def test_a_planted_defect_is_refused(
    api: ApiServer, namespace: str, one_of_each: Mapping[str, Objects], defect: Defect
) -> None:
    sound, defective = one_of_each[defect.kind], copy.deepcopy(one_of_each[defect.kind])
    defect.plant(defective)
    must(api.try_out(manifest([sound]), namespace))
    answer = api.try_out(manifest([defective]), namespace)
    assert answer.returncode != 0
    assert defect.refusal in answer.stderr
