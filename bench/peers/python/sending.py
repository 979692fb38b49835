"""aiohttp with retries in place."""

from __future__ import annotations

import asyncio

import aiohttp
from setting import CONCURRENCY, FIRST_PAUSE, HEADERS, LONGEST_PAUSE, PATIENCE, SUCCESS, URL


def a_session() -> aiohttp.ClientSession:
    """Made where an event loop runs."""
    connector = aiohttp.TCPConnector(limit=CONCURRENCY)
    return aiohttp.ClientSession(connector=connector, headers=HEADERS, timeout=aiohttp.ClientTimeout(PATIENCE))


async def send(http: aiohttp.ClientSession, body: bytes) -> None:
    """Until it succeeds."""
    pause = FIRST_PAUSE
    while not await accepted(http, body):
        await asyncio.sleep(pause)
        pause = min(LONGEST_PAUSE, 2 * pause)


async def accepted(http: aiohttp.ClientSession, body: bytes) -> bool:
    try:
        async with http.post(URL, data=body) as answer:
            await answer.read()
            return answer.status < SUCCESS
    except (aiohttp.ClientError, TimeoutError):
        return False
