"""A real client for the stand-ins' HTTP half."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import aiohttp
import orjson

from tests.sandbox.calls import ORG_TOKEN, WOOTRIC, an_event
from worker.sandbox import Sandbox

SECONDS = 60.0


class Got(NamedTuple):
    """An answer, read to its end."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


class Client:
    """Sends what a worker would send. A connection for each request: a broken one breaks nothing else, and the
    client does not repeat anything of its own accord."""

    def __init__(self, session: aiohttp.ClientSession, sandbox: Sandbox) -> None:
        self._session = session
        self.sandbox = sandbox

    async def ask(self, method: str, url: str, **rest: Any) -> Got:
        target = url if url.startswith("http") else self.sandbox.url + url
        async with self._session.request(method, target, allow_redirects=False, **rest) as answer:
            return Got(answer.status, await answer.read(), answer.headers)

    async def learn(self, url: str = "", **fields: Any) -> Got:
        path = f"{url}/rest/v1/learn/event"
        return await self.ask("POST", path, params={"org_token": ORG_TOKEN}, json=an_event(**fields))

    async def log_in(self) -> dict[str, str]:
        form = {
            "grant_type": "client_credentials",
            "client_id": WOOTRIC.client_id,
            "client_secret": WOOTRIC.client_secret,
        }
        got = await self.ask("POST", "/oauth/token", data=form)
        return {"Authorization": f"Bearer {got.json['access_token']}"}

    async def control(self, method: str, name: str, value: Any = None, **query: str) -> Got:
        return await self.ask(method, f"/sandbox/{name}", params=query, data=orjson.dumps(value))


@asynccontextmanager
async def connected(**options: Any) -> AsyncIterator[Client]:
    """A sandbox of its own, and a client of it."""
    connector = aiohttp.TCPConnector(force_close=True, limit=0)
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    async with Sandbox(**options) as sandbox, aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        yield Client(session, sandbox)


def with_client(test: Callable[[Client], Awaitable[None]], **options: Any) -> None:
    """Run one test on a sandbox of its own."""

    async def run() -> None:
        async with connected(**options) as client:
            await test(client)

    asyncio.run(run())


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for a condition of the sandbox. Raises ``TimeoutError`` where it does not come true."""
    async with asyncio.timeout(SECONDS):
        while not is_so():  # noqa: ASYNC110  (a server has no event for a test to wait on)
            await asyncio.sleep(0.001)
