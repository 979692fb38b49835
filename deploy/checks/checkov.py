"""checkov, in an environment of its own: what it needs would decide the versions of everything else here."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from deploy.checks.cache import cache, keep

PINNED = Path(__file__).with_name("checkov.txt")

# By its module, since an environment's own scripts know the path at which it was made.
COMMAND = """#!/bin/sh
exec "$(dirname "$0")/bin/python" -m checkov.main "$@"
"""


class NotInstalled(Exception):  # noqa: N818  (a sentence about this machine, as ToolMissing)
    """Its text is what pip said."""


def folder() -> Path:
    """Where it is, once it is installed."""
    made_of = f"{PINNED.read_text('utf-8')}{sys.version_info[:2]}{COMMAND}"
    return cache() / f"checkov-{hashlib.sha256(made_of.encode()).hexdigest()[:12]}"


def install() -> None:
    """Install what is pinned, by hash, unless it is there. Raises NotInstalled."""
    if not folder().is_dir():
        keep(folder(), _fill)


def _fill(building: Path) -> None:
    _run("venv", "--without-pip", str(building))
    pip = ("pip", "--python", str(building / "bin" / "python"), "--quiet", "--disable-pip-version-check", "install")
    _run(*pip, "--require-hashes", "--no-deps", "--only-binary", ":all:", "--requirement", str(PINNED))
    command = building / "checkov"
    command.write_text(COMMAND, "utf-8")
    command.chmod(0o755)


def _run(module: str, *arguments: str) -> None:
    command = (sys.executable, "-m", module, *arguments)
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  (written above)
    if done.returncode:
        raise NotInstalled(f"checkov: {(done.stdout + done.stderr)[-1000:]}")
