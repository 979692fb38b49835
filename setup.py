"""The compiled build: with ``RELAY_COMPILE=1`` the modules that every event passes through become C, by mypyc.

Everything else of the package is in pyproject.toml. The source is the same, and lies beside what is made of it: where
there is nothing compiled for an interpreter it runs the source, and only slower. docs/design.md says what that asks of
the code.
"""

from __future__ import annotations

import os
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
# Generic dataclasses; and a subclass of ssl.SSLContext: mypyc takes neither.
INTERPRETED: Final = frozenset({"mappings/contract.py", "worker/adapters/http_pool.py"})


def compiled() -> list[str]:
    """The modules, by their paths."""
    found = {str(path) for pattern in COMPILED for path in Path().glob(pattern)}
    return sorted(found - INTERPRETED)


if os.environ.get("RELAY_COMPILE") == "1":
    from mypyc.build import mypycify

    setup(ext_modules=mypycify(compiled(), opt_level="3", debug_level="0", group_name="segment_relay"))
else:
    setup()
