"""Brokers for tests: one of each kind a session. Names of topics and groups are each test's own.

Tests that need Apache Kafka carry ``@pytest.mark.apache``. Where Java or Maven is missing they are left out, and the
run says so in one line at its end; with ``CI=true`` that is a failure.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:  # the tests of the pure halves start without loading the sandbox
    from worker.sandbox.brokers import Broker, Cluster

LEFT_OUT = pytest.StashKey[int]()

# How long an example takes says nothing on a busy machine. CI tries the same examples each time: a new find belongs to
# whoever can look into it, not to an unrelated change.
settings.register_profile(
    "ours", deadline=None, derandomize=os.environ.get("CI") == "true", suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("ours")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    missing = [tool for tool, present in (("Java 17", _java()), ("Maven", shutil.which("mvn"))) if not present]
    needing = [item for item in items if item.get_closest_marker("apache")]
    if not missing or not needing:
        return
    if os.environ.get("CI") == "true":
        raise pytest.UsageError(f"{len(needing)} tests need Apache Kafka; missing here: {', '.join(missing)}")
    config.stash[LEFT_OUT] = len(needing)
    config.hook.pytest_deselected(items=needing)
    items[:] = [item for item in items if item not in needing]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    left_out = config.stash.get(LEFT_OUT, 0)
    if left_out:
        said = f"LEFT OUT: {left_out} tests on Apache Kafka, which need Java 17 and Maven; everything else ran."
        terminalreporter.write_line(said, yellow=True)


def _java() -> bool:
    home = os.environ.get("JAVA_HOME")
    return (Path(home) / "bin" / "java").exists() if home else shutil.which("java") is not None


@pytest.fixture(scope="session")
def apache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One node of Apache Kafka for the whole session."""
    from worker.sandbox import brokers

    with brokers.apache(tmp_path_factory.mktemp("apache")) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """The embedded broker for the whole session."""
    from worker.sandbox import brokers

    with brokers.embedded(tmp_path_factory.mktemp("embedded")) as broker:
        yield broker


@pytest.fixture
def unique() -> Callable[[str], str]:
    """``unique("orders")`` is a name for a topic or group that no other test has."""
    return lambda name: f"{name}-{uuid.uuid4().hex[:8]}"
