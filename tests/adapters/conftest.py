"""Every transport, on every kind of loop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
import uvloop

from tests.adapters.certificates import Certificates, make_certificates
from tests.adapters.transports import TRANSPORTS, Factory, Run

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
DEADLINE = 20.0


@pytest.fixture(params=TRANSPORTS)
def factory(request: pytest.FixtureRequest) -> Factory:
    return TRANSPORTS[request.param]


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Run:
    """Run a coroutine on each kind of loop, and fail instead of hanging."""

    def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            return runner.run(asyncio.wait_for(coroutine, DEADLINE))

    return run


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))
