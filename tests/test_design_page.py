"""The page that tells how it works names files and functions: they are there."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path("docs/design.md").read_text("utf-8")
ROOTS = (Path(), Path("worker"), Path("worker/core"))


def found(name: str) -> Path | None:
    return next((root / name for root in ROOTS if (root / name).exists()), None)


def test_every_step_names_a_function_that_exists() -> None:
    steps = re.findall(r"`([\w/]+\.py):(\w+)`", PAGE)
    assert len(steps) > 8
    missing = [
        f"{file}:{function}"
        for file, function in steps
        if (path := found(file)) is None or f"def {function}(" not in path.read_text("utf-8")
    ]
    assert [] == missing


def test_every_module_and_test_that_it_names_exists() -> None:
    named = {name for group in re.findall(r"`([^`]*\.py[^`]*)`", PAGE) for name in re.findall(r"[\w/]+\.py", group)}
    assert len(named) > 30
    assert [] == sorted(name for name in named if found(name) is None)
