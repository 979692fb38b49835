"""The compiled build: with ``RELAY_COMPILE=1`` the modules that every event passes through become C, by mypyc.

Everything else of the package is in pyproject.toml. The source is the same, and lies beside what is made of it: where
there is nothing compiled for an interpreter it runs the source, and only slower. docs/design.md says what that asks of
the code.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from setuptools import setup

COMPILED: Final = (
    "mappings/**/*.py",
    "worker/core/**/*.py",
    "worker/adapters/http*.py",
    "worker/senders.py",
    "worker/runner.py",
)
# mypyc takes neither generic dataclasses (contract) nor subclasses of C's own, as ssl.SSLContext (http_tls); and the
# annotations of settings are read while the worker runs, where compiled classes keep none.
INTERPRETED: Final = ("mappings/contract.py", "mappings/*/settings.py", "worker/adapters/http_tls.py")


def compiled() -> list[str]:
    """The modules, by their paths."""
    return sorted(_found(COMPILED) - _found(INTERPRETED))


def _found(patterns: Iterable[str]) -> set[str]:
    return {str(path) for pattern in patterns for path in Path().glob(pattern)}


if os.environ.get("RELAY_COMPILE") == "1":
    from mypyc.build import mypycify

    setup(
        ext_modules=mypycify(
            compiled(), target_dir="build/c", opt_level="3", debug_level="0", group_name="segment_relay"
        )
    )
else:
    setup()
