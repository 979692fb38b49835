"""FastStream on aiokafka, as its documentation shows it, with retries in place. ``CONCURRENCY``: ``max_workers``."""

from __future__ import annotations

import asyncio

import aiohttp
from faststream import FastStream
from faststream.kafka import KafkaBroker, KafkaMessage
from setting import (
    BOOTSTRAP,
    CONCURRENCY,
    FIRST_PAUSE,
    GROUP,
    HEADERS,
    INSTANCE,
    LONGEST_PAUSE,
    PATIENCE,
    SUCCESS,
    TOPIC,
    URL,
)

broker = KafkaBroker(BOOTSTRAP, logger=None)
app = FastStream(broker, logger=None)
sessions: list[aiohttp.ClientSession] = []


@app.on_startup
async def connect() -> None:
    connector = aiohttp.TCPConnector(limit=CONCURRENCY)
    sessions.append(aiohttp.ClientSession(connector=connector, headers=HEADERS))


async def undecoded(message: KafkaMessage) -> bytes:
    return message.body


@broker.subscriber(
    TOPIC,
    group_id=GROUP,
    auto_offset_reset="earliest",
    auto_commit_interval_ms=1000,
    group_instance_id=INSTANCE,
    decoder=undecoded,
    **({"max_workers": CONCURRENCY} if CONCURRENCY > 1 else {}),
)
async def deliver(body: bytes) -> None:
    pause = FIRST_PAUSE
    while not await accepted(body):
        await asyncio.sleep(pause)
        pause = min(LONGEST_PAUSE, 2 * pause)


async def accepted(body: bytes) -> bool:
    try:
        async with sessions[0].post(URL, data=body, timeout=aiohttp.ClientTimeout(PATIENCE)) as answer:
            await answer.read()
            return answer.status < SUCCESS
    except (aiohttp.ClientError, TimeoutError):
        return False


asyncio.run(app.run())
