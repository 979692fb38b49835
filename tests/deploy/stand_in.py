"""Stand-ins for the Dockerfile's base images: the same release of Debian with its own Python, made from packages.

No registry of images is asked, so the check runs where none is reached. What the Dockerfile deals with is as in the
official image: pip beside the library, its wheel in ensurepip, and no bytecode.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from deploy.checks.cache import cache, keep
from tests.deploy import tools

DOCKERFILE = Path("deploy/docker/Dockerfile")
PACKAGES = ("ca-certificates", "python3", "python3-venv")
COMPILING = (*PACKAGES, "gcc", "libc6-dev", "python3-dev")
TAR = "base.tar"

# Run in the new root, never outside it: "$1" is the root.
IN_ITS_ROOT = "chroot \"$1\" sh -e -c '{script}'"
AS_THE_OFFICIAL_ONE = """
library=$(echo /usr/lib/python3.*)
find /usr -name __pycache__ -prune -exec rm -rf {} +
mkdir -p $library/site-packages $library/ensurepip/_bundled
mv /usr/share/python-wheels/*.whl $library/ensurepip/_bundled
rmdir /usr/share/python-wheels
ln -s $library/ensurepip/_bundled /usr/share/python-wheels
python3 -m zipfile -e $library/ensurepip/_bundled/pip-*.whl $library/site-packages
touch /usr/local/bin/pip3
"""


@dataclass(frozen=True, slots=True)
class Base:
    """What a stage of the Dockerfile begins with, unless told otherwise: ``docker.io/library/python:3.13-trixie``."""

    name: str
    packages: tuple[str, ...]

    @property
    def python(self) -> str:
        """The version that the tag promises, "3.13"."""
        return self.name.rpartition(":")[2].partition("-")[0]

    @property
    def suite(self) -> str:
        """Debian's release, "trixie"."""
        return self.name.rpartition("-")[2]

    def tar(self) -> Path:
        """The stand-in's files; made once and kept."""
        made_of = repr((self.suite, self.packages, AS_THE_OFFICIAL_ONE)).encode()
        folder = cache() / f"base-{hashlib.sha256(made_of).hexdigest()[:12]}"
        if not folder.is_dir():
            keep(folder, self._fill)
        return folder / TAR

    def _fill(self, folder: Path) -> None:
        hook = IN_ITS_ROOT.format(script=AS_THE_OFFICIAL_ONE)
        options = ("--variant=minbase", f"--include={','.join(self.packages)}", f"--customize-hook={hook}")
        command = (tools.mmdebstrap(), *options, self.suite, folder / TAR)
        done = subprocess.run(
            command, check=False, timeout=300, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        assert done.returncode == 0, f"no stand-in for {self.name}: {done.stderr[-2000:]}"


def base() -> Base:
    """What is shipped begins with it."""
    return Base(_named("BASE"), PACKAGES)


def build_base() -> Base:
    """What compiles: a C compiler and Python's headers beside the rest."""
    return Base(_named("BUILD_BASE"), COMPILING)


def _named(argument: str) -> str:
    """As the Dockerfile has it."""
    found = re.search(rf"^ARG {argument}=(\S+)$", DOCKERFILE.read_text("utf-8"), re.MULTILINE)
    assert found, f"the Dockerfile has no ARG {argument}=…"
    return found[1]
