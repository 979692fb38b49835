"""What a bench tells the worker is what the worker reads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bench.launch import Launch, wigzo, wootric
from mappings.wigzo.settings import Account
from worker import config

SINK = "http://127.0.0.1:1"
ROOT = Path(__file__).parents[1]
STARTED = """
import pathlib, sys
from bench.children import a_process
from bench.launch import Launch, wigzo
folder = pathlib.Path(sys.argv[1])
launch = Launch(["one:1"], "t", "g", wigzo("http://127.0.0.1:1"), folder)
with a_process(folder / "log", *launch.arguments("w", "127.0.0.1:0")) as process:
    process.wait(30)
"""


def test_the_worker_takes_what_it_is_told(tmp_path: Path) -> None:
    tables = {**wigzo(SINK, concurrency=512), **wootric(SINK)}
    launch = Launch(["one:1", "two:2"], "t", "g", tables, tmp_path, {"instance_id": "bench"})
    *_, path = launch.arguments("w", "127.0.0.1:0")
    read = config.load(Path(path), {})
    assert Path(path) == launch.settings("w")
    assert (["one:1", "two:2"], ["t"], "g", "bench") == (
        [*read.kafka.bootstrap_servers],
        [*read.kafka.topics],
        read.kafka.group,
        read.kafka.instance_id,
    )
    assert {"wigzo", "wootric"} == set(read.destinations)
    assert 512 == read.destinations["wigzo"].policy.concurrency
    assert isinstance(read.destinations["wigzo"].mapping_settings, Account)


def test_what_is_empty_is_left_to_the_worker(tmp_path: Path) -> None:
    launch = Launch(["one:1"], "t", "g", wigzo(SINK, concurrency=0), tmp_path)
    launch.arguments("w", "127.0.0.1:0")
    assert "auto" == config.load(launch.settings("w"), {}).destinations["wigzo"].policy.concurrency


def test_the_worker_that_is_started_is_the_one_that_the_environment_says(tmp_path: Path) -> None:
    (tmp_path / "worker").mkdir()
    (tmp_path / "worker" / "__init__.py").touch()
    (tmp_path / "worker" / "cli.py").write_text("import sys; print('another build', sys.argv[1:2])")
    path = os.pathsep.join((str(tmp_path), str(ROOT)))
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"}
    subprocess.run((sys.executable, "-c", STARTED, str(tmp_path)), env=environment, cwd=ROOT, check=True, timeout=60)
    assert "another build ['run']" == (tmp_path / "log").read_text().strip()
