"""The tools run, and are what the checks count on; where one is missing, a run says so."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.checks.cache import keep
from deploy.checks.golang import CONTROL_PLANE
from deploy.checks.tools import Tool
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


def without_tools(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A run of one test of this file, where nothing has been built."""
    given = {**os.environ, "XDG_CACHE_HOME": str(folder), "CI": "", **environment}
    one = f"{__file__}::test_the_operators_kinds_are_generated"
    command = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", one)
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=given)


def test_what_cannot_run_is_left_out_and_said_at_the_end(tmp_path: Path) -> None:
    done = without_tools(tmp_path)
    assert "LEFT OUT: tests of deploy/ (1); missing: crds (Go 1.26 or newer)." in done.stdout
    assert pytest.ExitCode.NO_TESTS_COLLECTED == done.returncode


def test_in_ci_nothing_is_left_out(tmp_path: Path) -> None:
    done = without_tools(tmp_path, CI="true")
    assert "tests of deploy/ need what is missing here (1): crds (Go 1.26 or newer)" in done.stderr
    assert pytest.ExitCode.USAGE_ERROR == done.returncode


def test_a_missing_tool_names_what_to_install(tmp_path: Path) -> None:
    missing = Tool("kwok", tmp_path / "kwok", "Go 1.26 or newer")
    with pytest.raises(tools.ToolMissing, match=r"kwok is missing: it needs Go 1\.26 or newer; then run `make check-d"):
        missing.find()


def test_what_is_kept_is_whole_or_not_there(tmp_path: Path) -> None:
    def half(folder: Path) -> None:
        (folder / "first").write_text("1")
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        keep(tmp_path / "tool", half)
    assert [] == list(tmp_path.iterdir())


def test_of_two_that_build_at_once_the_second_finds_it_done(tmp_path: Path) -> None:
    def quickly(folder: Path) -> None:
        (folder / "by").write_text("the first")

    def slowly(folder: Path) -> None:
        keep(tmp_path / "tool", quickly)
        (folder / "by").write_text("the second")

    keep(tmp_path / "tool", slowly)
    assert ["tool"] == [left.name for left in tmp_path.iterdir()]
    assert "the first" == (tmp_path / "tool" / "by").read_text()


def test_one_environment_serves_the_worker_and_the_checks() -> None:
    """What is pinned for the worker's own tests is the same for the checks of deploy/."""
    ours, checks = pins("constraints-dev.txt"), pins("constraints-deploy.txt")
    assert ours == {name: checks.get(name) for name in ours}
    assert len(checks) > len(ours) > 50


def pins(file: str) -> dict[str, str]:
    """The version of each package."""
    return dict(re.findall(r"^([\w.-]+)==(\S+)", Path(file).read_text("utf-8"), re.MULTILINE))
