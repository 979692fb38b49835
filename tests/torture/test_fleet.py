"""The fleet: whoever ends is started again, and an end that nobody asked for is a fault."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from tests.torture.fleet import Fleet, a_fleet
from tests.whole.worker import Worker, kafka, wigzo
from worker.sandbox.processes import free_port


def a_worker(folder: Path) -> Worker:
    """One that waits for a Kafka that is not there."""
    return Worker(folder, kafka([f"127.0.0.1:{free_port()}"], "events", "relay"), wigzo("http://127.0.0.1:9"))


def until(fleet: Fleet, reached: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not reached():
        assert time.monotonic() < deadline, fleet
        fleet.tick()
        time.sleep(0.01)


def test_a_worker_that_is_killed_or_told_to_stop_is_started_again(tmp_path: Path) -> None:
    worker = a_worker(tmp_path)
    with a_fleet([worker]) as fleet:
        first = worker.process.pid
        fleet.crash(0)
        until(fleet, lambda: worker.process.pid != first)
        second = worker.process.pid
        fleet.roll()
        until(fleet, lambda: worker.process.pid != second)
        assert ([], 1, 1) == (fleet.faults, fleet.done["crashes"], fleet.done["clean stops"])
        assert {"crash", "stop"} == {incident.cause for incident in fleet.incidents}
    assert worker.process.poll() is not None


def test_a_worker_that_ends_by_itself_is_a_fault_with_its_last_words(tmp_path: Path) -> None:
    worker = a_worker(tmp_path)
    worker.config.write_text("[kafka]\nbootstrap_servers = []\n")
    with a_fleet([worker]) as fleet:
        until(fleet, lambda: fleet.faults)
        (fault,) = fleet.faults
        assert fault.startswith("worker ended by itself with 2\n    worker:\n")
        assert "kafka.topics" in fault


def test_a_frozen_worker_goes_on_afterwards(tmp_path: Path) -> None:
    worker = a_worker(tmp_path)
    with a_fleet([worker]) as fleet:
        member = fleet.freeze(0)
        state = Path(f"/proc/{worker.process.pid}/stat")
        until(fleet, lambda: ") T " in state.read_text())
        fleet.thaw(member, 9)
        until(fleet, lambda: ") T " not in state.read_text())
        assert 1 == fleet.done["freezes"]


def test_who_joins_is_not_started_again_after_leaving(tmp_path: Path) -> None:
    with a_fleet([]) as fleet:
        guest = fleet.join(a_worker(tmp_path))
        fleet.leave(guest)
        until(fleet, lambda: not fleet.members)
        assert ([], 1) == (fleet.faults, fleet.done["visits"])
