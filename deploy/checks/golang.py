"""Tools built from Go modules: a Kubernetes control plane, the CRDs of two operators, and a stand-in for kubelets.

Only ``go.mod`` and ``go.sum`` are ours (beside this file); the code comes by Go's own module download, checked by those
sums. What is built is kept under the hash of them and of the flags, so that a change of either builds anew.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.checks.cache import cache, keep

HERE = Path(__file__).parent
OLDEST_GO = (1, 26)

# Without the optimiser the control plane is built in two thirds of the time. The same flags everywhere: what the tools
# share is compiled once.
FLAGS = ("-gcflags=all=-N -l -dwarf=false",)
ENVIRONMENT = {
    "CGO_ENABLED": "0",
    "GOFLAGS": "-mod=readonly -buildvcs=false",
    "GOTOOLCHAIN": "local",  # no other Go is fetched behind the user's back
    "GOWORK": "off",
}


class BuildFailed(Exception):  # noqa: N818  (a sentence about this machine, as ToolMissing)
    """Its text says what could not be built, with Go's own last words."""


@dataclass(frozen=True, slots=True)
class Module:
    """A folder with a go.mod: ``commands`` are packages by the names of their binaries.

    ``stamped`` is the module whose version the binaries are to report; ``crds`` are packages of API types, whose CRDs
    go to a folder ``crds`` beside the binaries.
    """

    name: str
    commands: Mapping[str, str]
    stamped: str | None = None
    crds: Sequence[str] = field(default=())

    @property
    def folder(self) -> Path:
        """Where its binaries are, once they are built."""
        text = b"".join((HERE / self.name / name).read_bytes() for name in ("go.mod", "go.sum"))
        return cache() / f"{self.name}-{hashlib.sha256(text + repr((FLAGS, self)).encode()).hexdigest()[:12]}"

    def build(self) -> None:
        """Build it unless it is there. Raises BuildFailed."""
        if not self.folder.is_dir():
            keep(self.folder, self._fill)

    def _fill(self, folder: Path) -> None:
        for name, package in self.commands.items():
            _run(self.name, "go", "build", *FLAGS, f"-ldflags={self._linker()}", "-o", str(folder / name), package)
        if self.crds:
            kinds = "crd:allowDangerousTypes=true,generateEmbeddedObjectMeta=true"
            paths = [f"paths={package}" for package in self.crds]
            _run(self.name, str(folder / "controller-gen"), kinds, *paths, f"output:crd:dir={folder / 'crds'}")

    def _linker(self) -> str:
        if self.stamped is None:
            return "-s -w"
        # Without its version an API server has none to tell, and Helm has none to compare a chart's kubeVersion with.
        major, minor, _ = version = tuple(self.version().split("."))
        package = "k8s.io/component-base/version"
        stamps = {"gitVersion": "v" + ".".join(version), "gitMajor": major, "gitMinor": minor}
        return "-s -w " + " ".join(f"-X {package}.{name}={value}" for name, value in stamps.items())

    def version(self) -> str:
        """The required version of the ``stamped`` module: "1.37.2"."""
        text = (HERE / self.name / "go.mod").read_text("utf-8")
        found = re.search(rf"{self.stamped} v([\d.]+)\b", text)
        if found is None:
            raise BuildFailed(f"deploy/checks/{self.name}/go.mod does not require {self.stamped}")
        return found[1]


CONTROL_PLANE = Module(
    "apiserver",
    {
        "etcd": "go.etcd.io/etcd/server/v3",
        "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
        "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
        "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
    },
    stamped="k8s.io/kubernetes",
)
CRDS = Module(
    "crds",
    {"controller-gen": "sigs.k8s.io/controller-tools/cmd/controller-gen"},
    crds=(
        "github.com/kedacore/keda/v2/apis/keda/v1alpha1",
        "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1",
    ),
)
KWOK = Module("kwok", {"kwok": "sigs.k8s.io/kwok/cmd/kwok"})
MODULES = (CONTROL_PLANE, CRDS, KWOK)


def go_is_missing() -> str | None:
    """What to install, where there is no Go that is new enough."""
    wanted = f"Go {OLDEST_GO[0]}.{OLDEST_GO[1]} or newer"
    if shutil.which("go") is None:
        return wanted
    said = subprocess.run(("go", "env", "GOVERSION"), capture_output=True, text=True, check=False, env=_environment())  # noqa: S607  (the user's own Go)
    version = re.match(r"go(\d+)\.(\d+)", said.stdout)
    old = version is None or (int(version[1]), int(version[2])) < OLDEST_GO
    return f"{wanted} (here: {said.stdout.strip() or said.stderr.strip()})" if old else None


def _run(module: str, *command: str) -> None:
    done = subprocess.run(command, cwd=HERE / module, capture_output=True, text=True, check=False, env=_environment())  # noqa: S603  (the table above)
    if done.returncode:
        raise BuildFailed(f"deploy/checks/{module}: {' '.join(command)}\n{done.stdout}{done.stderr}"[-3000:])


def _environment() -> Mapping[str, str]:
    return {**os.environ, **ENVIRONMENT}
