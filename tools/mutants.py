"""Known bugs, put back on purpose: each has to turn the test red that is named for it (tools/mutants.toml).

``python -m tools.mutants`` tries all of them, in a copy of the tree; with words behind it, only those whose names have
these words.
"""

# ruff: noqa: INP001  (a script)

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
TABLE: Final = ROOT / "tools" / "mutants.toml"
LEFT_OUT: Final = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "node_modules")
TESTS_FAILED: Final = 1  # pytest's exit code; others mean that the test could not be run


@dataclass(frozen=True, slots=True)
class Mutant:
    """One bug. ``before`` is in ``file`` exactly once; ``test`` is pytest's name of the test that finds it."""

    rule: str
    name: str
    file: str
    before: str
    after: str
    test: str

    def gone(self, root: Path = ROOT) -> str | None:
        """Why it cannot be put back any more."""
        path = root / self.file
        times = path.read_text("utf-8").count(self.before) if path.exists() else 0
        return None if times == 1 else f"{self.name}: its text is in {self.file} {times} times, not once"

    @contextmanager
    def put_back(self, root: Path) -> Iterator[None]:
        """For the length of the block."""
        path = root / self.file
        text = path.read_text("utf-8")
        path.write_text(text.replace(self.before, self.after), "utf-8")
        try:
            yield
        finally:
            path.write_text(text, "utf-8")


class Verdict(Enum):
    """What came of one. Only ``FOUND`` is well."""

    FOUND = "found"
    MISSED = "NOT FOUND: the test is green with the bug"
    UNRUN = "UNCLEAR: the test could not be run with the bug"


def mutants(table: Path = TABLE) -> list[Mutant]:
    """All of the table."""
    rules = tomllib.loads(table.read_text("utf-8"))
    return [Mutant(rule, **each) for rule, group in rules.items() for each in group]


def tried(mutant: Mutant, root: Path) -> Verdict:
    """The verdict on one, in the copy at ``root``."""
    with mutant.put_back(root):
        code, _ = _tests(root, [mutant.test])
    return {0: Verdict.MISSED, TESTS_FAILED: Verdict.FOUND}.get(code, Verdict.UNRUN)


def _tests(root: Path, names: Sequence[str]) -> tuple[int, str]:
    # Without bytecode: what was compiled within the same second from a text of the same length would be taken for new.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    command = (sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *names)
    done = subprocess.run(  # noqa: S603  (pytest, with the table's own names)
        command, cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


@contextmanager
def _copy() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(shutil.copytree(ROOT, Path(folder) / "tree", ignore=LEFT_OUT))


def main(words: Sequence[str]) -> int:
    """Try those that are asked for; 0 where each was found."""
    chosen = [each for each in mutants() if all(word in each.name for word in words)]
    gone = [why for each in chosen if (why := each.gone())]
    if gone or not chosen:
        print("\n".join(gone) or "there is no such mutant")
        return 2
    with _copy() as root:
        code, said = _tests(root, list(dict.fromkeys(each.test for each in chosen)))
        if code:
            print(f"without any bug, a test is red or not there:\n{said}")
            return 2
        verdicts = [_told(each, tried(each, root)) for each in chosen]
    found = verdicts.count(Verdict.FOUND)
    print(f"{len(chosen)} bugs put back, {found} found")
    return 0 if found == len(chosen) else 1


def _told(mutant: Mutant, verdict: Verdict) -> Verdict:
    print(f"{mutant.rule:<18}{mutant.name:<62}{verdict.value:<9}{mutant.test.partition('::')[2]}", flush=True)
    return verdict


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
