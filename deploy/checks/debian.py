"""Tools that Debian packages: installed where this is root in a container of Debian, or in CI; otherwise named."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

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
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    # On somebody's machine, the package would start a Prometheus of its own, on every interface and after each boot.
    return os.environ.get("CI") == "true" or not Path("/run/systemd/system").is_dir()


def install(packages: Sequence[str]) -> str | None:
    """Install them. What apt-get said, where it failed."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
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
