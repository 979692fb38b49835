"""A stand-in for the Dockerfile's base image: the same release of Debian with its own Python, made from packages.

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
    """What the Dockerfile is built on when nobody says otherwise: ``docker.io/library/python:3.13-slim-trixie``."""

    name: str

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
        made_of = repr((self.suite, PACKAGES, AS_THE_OFFICIAL_ONE)).encode()
        folder = cache() / f"base-{hashlib.sha256(made_of).hexdigest()[:12]}"
        if not folder.is_dir():
            keep(folder, self._fill)
        return folder / TAR

    def _fill(self, folder: Path) -> None:
        hook = IN_ITS_ROOT.format(script=AS_THE_OFFICIAL_ONE)
        options = ("--variant=minbase", f"--include={','.join(PACKAGES)}", f"--customize-hook={hook}")
        command = (tools.mmdebstrap(), *options, self.suite, folder / TAR)
        done = subprocess.run(
            command, check=False, timeout=300, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        assert done.returncode == 0, f"no stand-in for {self.name}: {done.stderr[-2000:]}"


def base() -> Base:
    """As the Dockerfile names it."""
    found = re.search(r"^ARG BASE=(\S+)$", DOCKERFILE.read_text("utf-8"), re.MULTILINE)
    assert found, "the Dockerfile has no ARG BASE=…"
    return Base(found[1])
