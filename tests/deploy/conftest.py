"""Tests that need a tool name it: ``@pytest.mark.needs("helm")``. Where it is missing they are left out, and the run
says so in one line at its end; with ``CI=true`` that is a failure.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from deploy.checks.tools import Tool, tools

if TYPE_CHECKING:
    from tests.deploy.apiserver import ApiServer
    from tests.deploy.image import Image, Store

LEFT_OUT = pytest.StashKey[str]()

# `make test` leaves this folder out; a bare `pytest` comes here without the packages of the extra `deploy`.
INSTALLED = find_spec("yaml") is not None
collect_ignore_glob = [] if INSTALLED else ["test_*.py"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    known = tools()
    lacking = {item: [tool for tool in _needed(item) if not known[tool].present] for item in items}
    left_out = [item for item, missing in lacking.items() if missing]
    if not left_out:
        return
    missing = [known[name] for name in sorted({name for item in left_out for name in lacking[item]})]
    if os.environ.get("CI") == "true":
        raise pytest.UsageError(f"tests of deploy/ need what is missing here ({len(left_out)}): {_said(missing)}")
    config.stash[LEFT_OUT] = f"LEFT OUT: tests of deploy/ ({len(left_out)}); missing: {_said(missing)}."
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    said = config.stash.get(LEFT_OUT, None if INSTALLED else "LEFT OUT: the tests of deploy/; run `make check-deploy`.")
    if said:
        terminalreporter.write_line(said, yellow=True)


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A Kubernetes API server for the whole session; namespaces are each test's own."""
    from tests.deploy.apiserver import api_server

    with api_server(tmp_path_factory.mktemp("api")) as server:
        yield server


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Images of this session alone; the base's stand-in is there."""
    from tests.deploy.image import a_store

    with a_store(tmp_path_factory.mktemp("images")) as found:
        yield found


@pytest.fixture(scope="session")
def image(store: Store) -> Image:
    """The image, built from the Dockerfile."""
    from tests.deploy.image import built

    return built(store)


def _needed(item: pytest.Item) -> list[str]:
    return [name for mark in item.iter_markers("needs") for name in mark.args]


def _said(missing: Sequence[Tool]) -> str:
    by_source: dict[str, list[str]] = {}
    for tool in missing:
        by_source.setdefault(tool.wants, []).append(tool.name)
    return "; ".join(f"{', '.join(names)} ({wants})" for wants, names in by_source.items())
