"""The chart, as the real Helm renders it: objects to look at, or what Helm says against the values."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias, cast

import yaml

from tests.deploy import tools

Object: TypeAlias = dict[str, Any]
Values: TypeAlias = Path | Mapping[str, Any]

CHART: Final = Path("deploy/helm/segment-relay")
# One file for each shape that is supported; the first is the least that must be said.
CI_VALUES: Final = sorted((CHART / "ci").glob("*-values.yaml"), key=lambda file: (file.stem != "minimal-values", file))
MINIMAL: Final = CI_VALUES[0]
RELEASE: Final = "relay"
NAMESPACE: Final = "growth"


class Refused(Exception):  # noqa: N818  (what Helm does, not what is wrong with it)
    """Helm did not render it; its text is what it says."""


def render(
    values: Values = MINIMAL,
    *more: Values,
    release: str = RELEASE,
    namespace: str = NAMESPACE,
    chart: Path = CHART,
    helm: Path | None = None,
    arguments: Sequence[str] = (),
) -> list[Object]:
    """The objects, hooks included, in Helm's order; later values win. Raises Refused."""
    with tempfile.TemporaryDirectory() as folder:
        files = [_file(each, Path(folder) / str(number)) for number, each in enumerate((values, *more))]
        options = ["--namespace", namespace, *arguments, *(option for file in files for option in ("--values", file))]
        said = subprocess.run(
            [helm or tools.helm(), "template", release, chart, *options],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    if said.returncode:
        raise Refused(said.stderr)
    return [found for found in yaml.safe_load_all(said.stdout) if found is not None]


def _file(values: Values, where: Path) -> Path:
    """Values of a test's own as JSON, which is YAML without its surprises."""
    if isinstance(values, Path):
        return values
    where.write_text(json.dumps(values, ensure_ascii=False), "utf-8")
    return where


@cache
def rendered(values: Path) -> tuple[Object, ...]:
    """One of the files, rendered once for all who only look."""
    return tuple(render(values))


def said(values: Path) -> Object:
    """What the file itself says, without the chart's defaults."""
    return cast("Object", yaml.safe_load(values.read_text("utf-8")))


def refusal(*values: Values, helm: Path | None = None) -> str:
    """What Helm says against the values. Fails where it says nothing."""
    try:
        render(*values, helm=helm)
    except Refused as refused:
        return str(refused)
    raise AssertionError("Helm rendered it")


def of_kind(objects: Iterable[Object], kind: str) -> list[Object]:
    """Those of one kind."""
    return [each for each in objects if each["kind"] == kind]


def the(objects: Iterable[Object], kind: str) -> Object:
    """The only one of its kind."""
    (found,) = of_kind(objects, kind)
    return found


def workload(objects: Iterable[Object]) -> Object:
    """The StatefulSet, or the Deployment."""
    (found,) = (each for each in objects if each["kind"] in ("StatefulSet", "Deployment"))
    return found


def toml_of(objects: Iterable[Object]) -> str:
    """The settings file, as the ConfigMap has it."""
    (found,) = (each["data"] for each in of_kind(objects, "ConfigMap") if "segment-relay.toml" in each["data"])
    return str(found["segment-relay.toml"])


def pod(objects: Iterable[Object]) -> Object:
    """The template of the workers' pods."""
    return cast("Object", workload(objects)["spec"]["template"])


def container(objects: Iterable[Object]) -> Object:
    """The only container of the workers' pods."""
    (found,) = pod(objects)["spec"]["containers"]
    return cast("Object", found)


def check_pod(objects: Iterable[Object]) -> Object:
    """The pod of `helm test`."""
    return the(objects, "Pod")


def both_pods(objects: Iterable[Object]) -> list[Object]:
    """What both kinds of pods of a release are: the workers', and that of `helm test`."""
    return [pod(objects)["spec"], check_pod(objects)["spec"]]
