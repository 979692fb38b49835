"""What a cluster's policies usually ask for: checkov on every values file's objects, and on the Dockerfile.

Each exception says why; one that is no longer needed is a failure, too.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import yaml

from tests.deploy import tools
from tests.deploy.chart import CI_VALUES, render
from tests.deploy.stand_in import DOCKERFILE

pytestmark = pytest.mark.needs("checkov")

Finding = tuple[str, str]

IN_THE_CHART: dict[Finding, str] = {
    **{
        ("CKV_K8S_11", kind): "a limit of CPU throttles a worker in the middle of its heartbeats; memory has one"
        for kind in ("StatefulSet", "Deployment", "Pod")
    },
    **{
        ("CKV_K8S_15", kind): "pulled where it is missing: a version's tag is never moved, and a registry that is down"
        " is no reason for a pod not to start again (image.pullPolicy)"
        for kind in ("StatefulSet", "Deployment", "Pod")
    },
    **{
        ("CKV_K8S_43", kind): "the digest is that of the user's own build: image.digest takes it"
        for kind in ("StatefulSet", "Deployment", "Pod")
    },
    **{
        (probe, "Pod"): "the pod of `helm test` runs one command and ends: there is nothing to probe"
        for probe in ("CKV_K8S_8", "CKV_K8S_9")
    },
}
# No object names its namespace: `helm --namespace` and `kubectl --namespace` do. checkov reads that as the default one.
NAMESPACE = "CKV_K8S_21"
IN_THE_DOCKERFILE: dict[Finding, str] = {
    ("CKV_DOCKER_2", str(DOCKERFILE)): "Kubernetes does not look at HEALTHCHECK; the chart has probes"
}


def found(framework: str, *arguments: str | Path) -> Iterator[Finding]:
    """What checkov has against it: the check, and the kind of object (or the file)."""
    asked = ("--framework", framework, "--skip-download", "--quiet", "--compact", "--output", "json")
    done = subprocess.run(
        (tools.checkov(), *asked, *arguments), capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode in {0, 1}, done.stderr[-2000:]
    report = json.loads(done.stdout)
    assert report["summary"]["passed"] > 0
    assert [] == report["results"].get("parsing_errors", [])
    for each in report["results"]["failed_checks"]:
        yield each["check_id"], each["resource"].partition(".")[0] if framework == "kubernetes" else str(DOCKERFILE)


@pytest.fixture(scope="module")
def in_the_chart(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Finding]:
    folder = tmp_path_factory.mktemp("rendered")
    for values in CI_VALUES:
        (folder / f"{values.stem}.yaml").write_text(yaml.safe_dump_all(render(values)), "utf-8")
    return list(found("kubernetes", "--directory", folder))


@pytest.mark.needs("helm")
def test_policies_find_nothing_in_the_chart_that_is_not_explained(in_the_chart: Sequence[Finding]) -> None:
    assert set(IN_THE_CHART) == {finding for finding in in_the_chart if finding[0] != NAMESPACE}


@pytest.mark.needs("helm")
def test_policies_are_told_of_no_namespace(in_the_chart: Sequence[Finding]) -> None:
    """As soon as an object names one, this exception has to go."""
    kinds = {each["kind"] for values in CI_VALUES for each in render(values) if "namespace" in each["metadata"]}
    assert set() == kinds
    assert NAMESPACE in {check for check, _ in in_the_chart}


def test_policies_find_nothing_in_the_dockerfile_that_is_not_explained() -> None:
    assert set(IN_THE_DOCKERFILE) == set(found("dockerfile", "--file", DOCKERFILE))
