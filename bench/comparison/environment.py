"""On what it was measured."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from worker.sandbox.apache import VERSION


@dataclass(frozen=True, slots=True)
class Machine:
    """``memory`` in GiB."""

    date: str
    cores: int
    processor: str
    memory: float
    kernel: str
    python: str
    java: str
    go: str
    broker: str

    @classmethod
    def here(cls) -> Self:
        """This one, now."""
        pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return cls(
            datetime.now(UTC).date().isoformat(),
            os.cpu_count() or 1,
            _found(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text("utf-8")),
            round(pages / (1 << 30), 1),
            platform.release(),
            platform.python_version(),
            _found(r'version "([^"]+)"', _said("java", "-version")),
            _found(r"go(\d\S+)", _said("go", "version")),
            VERSION,
        )


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found[1] if found else "none"


def _said(*command: str) -> str:
    if shutil.which(command[0]) is None:
        return ""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    return done.stdout + done.stderr
