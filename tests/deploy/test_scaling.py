"""How many workers there are: never more than partitions, and changed seldom."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deploy.chart import CI_VALUES, MINIMAL, of_kind, render, rendered, said, the, workload

pytestmark = pytest.mark.needs("helm")
every_shape = pytest.mark.parametrize("values", CI_VALUES, ids=lambda file: file.stem)


@every_shape
def test_there_are_at_most_as_many_workers_as_partitions(values: Path) -> None:
    objects = rendered(values)
    scalers = [*of_kind(objects, "HorizontalPodAutoscaler"), *of_kind(objects, "ScaledObject")]
    fixed = workload(objects)["spec"].get("replicas")
    assert (fixed is None) is (len(scalers) == 1)
    most = [spec.get("maxReplicas") or spec["maxReplicaCount"] for spec in (each["spec"] for each in scalers)]
    least = [spec.get("minReplicas") or spec["minReplicaCount"] for spec in (each["spec"] for each in scalers)]
    assert all(1 <= count <= said(values)["partitions"] for count in [*most, *least, *([fixed] if fixed else [])])


@every_shape
def test_a_scaler_scales_the_workload(values: Path) -> None:
    objects = rendered(values)
    own = workload(objects)
    expected = {"apiVersion": own["apiVersion"], "kind": own["kind"], "name": own["metadata"]["name"]}
    for each in [*of_kind(objects, "HorizontalPodAutoscaler"), *of_kind(objects, "ScaledObject")]:
        assert expected == each["spec"]["scaleTargetRef"]


@every_shape
def test_a_scaling_is_seldom_and_down_by_one_at_a_time(values: Path) -> None:
    objects = rendered(values)
    hpas = [each["spec"]["behavior"] for each in of_kind(objects, "HorizontalPodAutoscaler")]
    of_keda = [each["spec"]["advanced"] for each in of_kind(objects, "ScaledObject")]
    slowly = {
        "scaleUp": {"stabilizationWindowSeconds": 120},
        "scaleDown": {
            "stabilizationWindowSeconds": 900,
            "policies": [{"type": "Pods", "value": 1, "periodSeconds": 300}],
        },
    }
    for behavior in [*hpas, *(each["horizontalPodAutoscalerConfig"]["behavior"] for each in of_keda)]:
        assert slowly == behavior


def test_the_most_workers_are_the_partitions_where_nothing_is_said() -> None:
    objects = render(MINIMAL, {"partitions": 7, "autoscaling": {"mode": "keda"}})
    assert 7 == the(objects, "ScaledObject")["spec"]["maxReplicaCount"]
