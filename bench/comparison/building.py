"""The peers, built once into the user's cache from public package registries, each under the hash of its sources."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.checks.cache import cache, keep

SOURCES = Path(__file__).parent.parent / "peers"
PATIENCE = 900.0  # seconds for one command

GO = {
    "CGO_ENABLED": "0",
    "GOFLAGS": "-mod=readonly -buildvcs=false",
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
}


class BuildFailed(Exception):  # noqa: N818  (a sentence about this machine and its registries)
    """Its text has the last words of the tool that failed."""


@dataclass(frozen=True, slots=True)
class Build:
    """``name`` is a folder of bench/peers; ``fill`` writes into the folder that it is given."""

    name: str
    fill: Callable[[Path, Path], None]

    @property
    def source(self) -> Path:
        return SOURCES / self.name

    @property
    def folder(self) -> Path:
        """Where it is once it is built."""
        text = b"".join(path.read_bytes() for path in sorted(self.source.iterdir()) if path.is_file())
        return cache() / f"peer-{self.name}-{hashlib.sha256(text).hexdigest()[:12]}"

    def build(self) -> None:
        """Build it unless it is there. Raises BuildFailed."""
        if not self.folder.is_dir():
            print(f"building {self.name} …", file=sys.stderr)
            keep(self.folder, lambda folder: self.fill(self.source, folder))

    def pinned(self, pattern: str) -> str:
        """The first group of the pattern in the files that pin versions: "0.5.3.3"."""
        for pins in ("pom.xml", "go.mod", "requirements.txt"):
            path = self.source / pins
            if path.is_file() and (found := re.search(pattern, path.read_text("utf-8"))):
                return found[1]
        raise BuildFailed(f"{self.source} pins nothing like {pattern}")


def _java(source: Path, folder: Path) -> None:
    # --strict-checksums: a jar that is not what its repository says is refused.
    goal = ("dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder / 'jars'}")
    _run("mvn", "-q", "-B", "--strict-checksums", "-f", str(source / "pom.xml"), *goal)
    _run("javac", "-proc:none", "-d", str(folder / "classes"), "-cp", f"{folder}/jars/*", str(source / "Peer.java"))


def _go(source: Path, folder: Path) -> None:
    _run("go", "build", "-C", str(source), "-ldflags=-s -w", "-o", str(folder / "peer"), ".", environment=GO)


def _python(source: Path, folder: Path) -> None:
    # A virtual environment does not survive being moved, which is how a build is kept: a folder of packages does.
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    _run(*pip, "--require-hashes", "--requirement", str(source / "requirements.txt"), "--target", str(folder))


def _run(*command: str, environment: dict[str, str] | None = None) -> None:
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
            env={**os.environ, **(environment or {})},
        )
    except FileNotFoundError:
        raise BuildFailed(f"{command[0]} is missing") from None
    except subprocess.TimeoutExpired:
        raise BuildFailed(f"{' '.join(command)}: not done after {PATIENCE:.0f} s") from None
    if done.returncode:
        raise BuildFailed(f"{' '.join(command)}\n{done.stdout}{done.stderr}"[-3000:])


PARALLEL_CONSUMER = Build("parallel_consumer", _java)
CAMEL = Build("camel", _java)
CONNECT = Build("connect", _go)
PYTHON = Build("python", _python)


def java(build: Build, *arguments: str) -> Sequence[str]:
    """The command of a Java peer. The heap's limit is what a container of 1.5 GiB would leave."""
    quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"
    classes = f"{build.folder}/classes:{build.folder}/jars/*"
    return ("java", "-Xmx1g", quiet, "-cp", classes, "Peer", *arguments)
