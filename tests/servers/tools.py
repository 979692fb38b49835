"""nginx, from Debian, and a server that Go builds: ``python -m tests.servers.tools`` sees to both."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from deploy.checks import debian, golang
from deploy.checks.cache import cache, keep
from deploy.checks.tools import ToolMissing

SOURCE = Path(__file__).parent / "go"


def nginx() -> Path:
    """Where it is. Raises ToolMissing."""
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if found is None:
        raise ToolMissing("nginx is missing. On Debian, as root: apt-get install nginx; then run `make check-servers`")
    return Path(found)


def go_server() -> Path:
    """The server in ``go/``, built once for each state of its source. Raises ToolMissing."""
    source = b"".join((SOURCE / name).read_bytes() for name in ("go.mod", "main.go"))
    folder = cache() / f"go-server-{hashlib.sha256(source).hexdigest()[:12]}"
    if not folder.is_dir():
        keep(folder, _build)
    return folder / "server"


def _build(folder: Path) -> None:
    missing = golang.go_is_missing()
    if missing is not None:
        raise ToolMissing(f"The server in tests/servers/go cannot be built: it needs {missing} (go.dev/dl)")
    done = subprocess.run(
        ("go", "build", "-o", str(folder / "server"), "."),
        cwd=SOURCE,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **golang.ENVIRONMENT},
    )
    if done.returncode:
        raise ToolMissing(f"tests/servers/go cannot be built:\n{done.stdout}{done.stderr}")


def _installed() -> None:
    """Raises ToolMissing, with what apt-get said where it was asked."""
    try:
        nginx()
    except ToolMissing:
        if not debian.can_install():
            raise
        failure = debian.install(["nginx"])
        if failure is not None:
            raise ToolMissing(f"nginx is missing: {failure}") from None


if __name__ == "__main__":
    try:
        _installed()
        go_server()
    except ToolMissing as sentence:
        sys.exit(str(sentence))
