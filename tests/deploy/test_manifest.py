"""The plain manifests are what the chart renders, and need no Helm."""

from __future__ import annotations

import pytest
import yaml

from deploy.checks import manifest
from tests.deploy.chart import of_kind, render

pytestmark = pytest.mark.needs("helm")


def test_the_manifests_are_what_the_chart_renders() -> None:
    found = list(yaml.safe_load_all(manifest.MANIFEST.read_text("utf-8")))
    expected = render(manifest.VALUES, release="segment-relay", arguments=["--skip-tests"])
    assert expected == found, "run: make manifests"
    assert manifest.MANIFEST.read_text("utf-8").startswith(manifest.HEAD)


def test_the_manifests_go_into_any_namespace() -> None:
    found = list(yaml.safe_load_all(manifest.MANIFEST.read_text("utf-8")))
    assert not any("namespace" in each["metadata"] for each in found)
    assert [] == of_kind(found, "Pod")  # `helm test` is Helm's
