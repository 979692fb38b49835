"""Tools that Debian packages: installed where this is root on Debian (a container, CI), otherwise named."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence

# The package of each command.
PACKAGES: Mapping[str, str] = {
    "bwrap": "bubblewrap",
    "buildah": "buildah",
    "mmdebstrap": "mmdebstrap",
    "prometheus": "prometheus",
    "promtool": "prometheus",
}


def missing() -> Sequence[str]:
    """The packages whose commands are not there."""
    return sorted({package for command, package in PACKAGES.items() if shutil.which(command) is None})


def can_install() -> bool:
    """Whether apt-get may be used here."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(packages: Sequence[str]) -> str | None:
    """Install them. What apt-get said, where it failed."""
    # A package's own daemon is not wanted: nothing may start one while packages are being set up.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    wait = ("-o", "DPkg::Lock::Timeout=300", "-qq")
    for command in (("update",), ("install", "--yes", "--no-install-recommends", *packages)):
        done = subprocess.run(  # noqa: S603  (the table above)
            ("apt-get", *wait, *command),  # noqa: S607  (Debian's own)
            capture_output=True,
            text=True,
            check=False,
            env=environment,
        )
        if done.returncode:
            return f"apt-get {' '.join(command)}: {(done.stdout + done.stderr)[-1000:]}"
    return None
