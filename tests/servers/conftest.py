"""One server of each kind for the session; every transport asks each of them, on the worker's own kind of loop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest
import uvloop

from tests.adapters.transports import TRANSPORTS, Factory, Run
from tests.servers import running
from tests.servers.running import Identity, Server

DEADLINE = 30.0  # seconds


@pytest.fixture(params=TRANSPORTS)
def factory(request: pytest.FixtureRequest) -> Factory:
    return TRANSPORTS[request.param]


@pytest.fixture
def run() -> Run:
    def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
        return uvloop.run(asyncio.wait_for(coroutine, DEADLINE))

    return run


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return running.an_identity(tmp_path_factory.mktemp("identity"))


@pytest.fixture(scope="session")
def nginx(tmp_path_factory: pytest.TempPathFactory, identity: Identity) -> Iterator[Server]:
    with running.nginx(tmp_path_factory.mktemp("nginx"), identity) as server:
        yield server


@pytest.fixture(scope="session")
def go(tmp_path_factory: pytest.TempPathFactory, identity: Identity) -> Iterator[Server]:
    with running.go(tmp_path_factory.mktemp("go"), identity) as server:
        yield server


@pytest.fixture(params=["nginx", "go"])
def server(request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(request.param)
    return found
