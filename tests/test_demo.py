"""``segment-relay demo``, as its user runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

LONGEST = 120.0  # seconds


@contextmanager
def a_demo(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The command, with all that it writes in ``folder``."""
    environ = {**os.environ, "TMPDIR": str(folder), "COLUMNS": "150", "SEGMENT_RELAY_KAFKA__TOPICS": "none-of-ours"}
    command = [sys.executable, "-m", "worker.cli", "demo", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environ) as demo:
        try:
            yield demo
        finally:
            demo.kill()


def processes_in(folder: Path) -> list[str]:
    """Those that were started with a path of ``folder``, or that work in it."""
    return [place.parent.name for place in Path("/proc").glob("[0-9]*/cmdline") if str(folder) in _told(place)]


def _told(place: Path) -> str:
    try:
        return place.read_bytes().decode(errors="replace") + str((place.parent / "cwd").readlink())
    except OSError:  # it has just ended, or is somebody else's
        return ""


def assert_everything_is_gone(folder: Path) -> None:
    assert [] == list(folder.iterdir())
    assert [] == processes_in(folder)


def assert_all_holds(folder: Path, *arguments: str) -> None:
    with a_demo(folder, *arguments) as demo:
        said, _ = demo.communicate(timeout=LONGEST)
    assert demo.returncode == 0, said
    assert "All of it holds" in said
    assert "✗" not in said
    assert_everything_is_gone(folder)


def test_all_holds_on_the_embedded_broker(tmp_path: Path) -> None:
    assert_all_holds(tmp_path, "--events", "1500")


@pytest.mark.apache
def test_all_holds_on_apache_kafka(tmp_path: Path) -> None:
    assert_all_holds(tmp_path, "--broker", "apache", "--events", "1500")


def settings_of(folder: Path) -> dict[str, Any]:
    """The demo's settings file, once the worker has begun."""
    deadline = time.monotonic() + LONGEST
    while not list(folder.glob("*/worker.log")) and time.monotonic() < deadline:
        time.sleep(0.02)
    (file,) = folder.glob("*/segment-relay.toml")
    return tomllib.loads(file.read_text())


def test_a_call_that_the_worker_knows_nothing_of_is_seen(tmp_path: Path) -> None:
    call = {"userId": "nobody", "is_active": True, "source": "web", "eventCategory": "EXTERNAL"}
    body = json.dumps(call | {"eventName": "stray", "eventval": {}}).encode()
    with a_demo(tmp_path, "--events", "300") as demo:
        wigzo = settings_of(tmp_path)["destinations"]["wigzo"]["settings"]
        url = f"{wigzo['base_url']}/rest/v1/learn/event?org_token={wigzo['org_token']}"
        with urlopen(Request(url, body, {"Content-Type": "application/json"}), timeout=10) as answer:  # noqa: S310  (http, on this machine)
            assert answer.status == 200
        said, _ = demo.communicate(timeout=LONGEST)
    assert demo.returncode == 1, said
    assert ["wigzo: it received", "wigzo: everything is"] == [
        " ".join(line.split()[1:4]) for line in said.splitlines() if "✗" in line
    ]
    assert_everything_is_gone(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_that_is_stopped_takes_everything_along(tmp_path: Path, number: signal.Signals) -> None:
    with a_demo(tmp_path, "--keep") as demo:
        assert settings_of(tmp_path)
        assert processes_in(tmp_path)
        demo.send_signal(number)
        said, _ = demo.communicate(timeout=LONGEST)
    assert (demo.returncode, said.strip().splitlines()[-1]) == (130, "stopped")
    assert_everything_is_gone(tmp_path)
