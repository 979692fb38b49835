"""The tools run, and are what the checks count on."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from deploy.checks.golang import CONTROL_PLANE
from tests.deploy import tools


def said(*command: str | Path) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.mark.needs("helm", "helm3")
def test_helm_is_of_both_major_versions() -> None:
    assert said(tools.helm(), "version", "--short").startswith("v4.")
    assert said(tools.helm3(), "version", "--short").startswith("v3.")


@pytest.mark.needs("kubectl", "kube-apiserver")
def test_kubectl_and_the_api_server_are_of_one_minor_version() -> None:
    client = json.loads(said(tools.kubectl(), "version", "--client", "--output=json"))["clientVersion"]
    assert f"Kubernetes v{CONTROL_PLANE.version()}" == said(tools.kube_apiserver(), "--version").strip()
    assert client["minor"] == CONTROL_PLANE.version().split(".")[1]


@pytest.mark.needs("crds")
def test_the_operators_kinds_are_generated() -> None:
    plurals = {file.stem.partition("_")[2] for file in tools.crds().glob("*.yaml")}
    assert {"scaledobjects", "triggerauthentications", "podmonitors", "prometheusrules"} <= plurals
