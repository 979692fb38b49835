"""What a run says where Apache Kafka cannot be started."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LINE = "LEFT OUT: 1 tests on Apache Kafka, which need Java 17 and Maven; everything else ran."


def run_without_java(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """One test that needs Apache Kafka and one that does not, where PATH leads nowhere."""
    tests = (
        "tests/kafka/test_private_calls.py::test_the_whole_path_to_each_of_them_holds",
        "tests/kafka/test_private_calls.py::test_the_version_is_one_whose_insides_were_read",
    )
    command = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *tests)
    nowhere = {"PATH": str(tmp_path), "HOME": str(tmp_path), **environment}
    return subprocess.run(command, cwd=ROOT, env=nowhere, capture_output=True, text=True, timeout=60, check=False)


def test_a_run_without_java_leaves_those_tests_out_and_says_so_in_one_line(tmp_path: Path) -> None:
    done = run_without_java(tmp_path)
    assert done.returncode == 0
    assert done.stdout.splitlines().count(LINE) == 1
    assert "1 passed, 1 deselected" in done.stdout


def test_in_ci_that_is_a_failure(tmp_path: Path) -> None:
    done = run_without_java(tmp_path, CI="true")
    assert done.returncode == 4
    assert "ERROR: 1 tests need Apache Kafka; missing here: Java 17, Maven" in done.stderr
