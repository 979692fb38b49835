"""Which build runs here: the compiled one, or the source as it is (docs/performance.md says what lies between them)."""

from __future__ import annotations

from importlib.machinery import EXTENSION_SUFFIXES
from types import ModuleType
from typing import Literal

from worker.core import lane

Build = Literal["compiled", "interpreted"]


def build(module: ModuleType = lane) -> Build:
    """Told by the file that a module was loaded from: the lane's is compiled if any is."""
    return "compiled" if str(module.__file__).endswith(tuple(EXTENSION_SUFFIXES)) else "interpreted"
