"""aiohttp and a batch at a time: ``gather`` sends all of it at once, ``keyed`` each key's events one after the other.

``aiokafka`` reads on asyncio's loop; ``confluent`` reads in a thread, on uvloop.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import uvloop
from aiokafka import AIOKafkaConsumer
from confluent_kafka import Consumer
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

Batch = list[tuple[bytes, bytes]]
Commit = Callable[[], Awaitable[object]]
LARGEST = 2_000


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


async def gather(http: aiohttp.ClientSession, batch: Batch) -> None:
    await asyncio.gather(*(send(http, body) for _, body in batch))


async def keyed(http: aiohttp.ClientSession, batch: Batch) -> None:
    rows: dict[bytes, list[bytes]] = {}
    for key, body in batch:
        rows.setdefault(key, []).append(body)
    await asyncio.gather(*(in_turn(http, row) for row in rows.values()))


async def in_turn(http: aiohttp.ClientSession, row: list[bytes]) -> None:
    for body in row:
        await send(http, body)


async def by_aiokafka() -> AsyncIterator[tuple[Batch, Commit]]:
    consumer = AIOKafkaConsumer(
        TOPIC,
        bootstrap_servers=BOOTSTRAP,
        group_id=GROUP,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        group_instance_id=INSTANCE,
    )
    await consumer.start()
    while True:
        polled = await consumer.getmany(timeout_ms=200, max_records=LARGEST)
        yield [(record.key, record.value) for records in polled.values() for record in records], consumer.commit


async def by_confluent() -> AsyncIterator[tuple[Batch, Commit]]:
    consumer = Consumer(
        {
            "bootstrap.servers": BOOTSTRAP,
            "group.id": GROUP,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "group.instance.id": INSTANCE,
        }
    )
    consumer.subscribe([TOPIC])

    async def commit() -> None:
        await asyncio.to_thread(consumer.commit, asynchronous=False)

    while True:
        polled = await asyncio.to_thread(consumer.consume, LARGEST, 0.1)
        yield [(message.key(), message.value()) for message in polled if not message.error()], commit


READ = {"aiokafka": by_aiokafka, "confluent": by_confluent}
SEND = {"gather": gather, "keyed": keyed}
RUN = {"aiokafka": asyncio.run, "confluent": uvloop.run}


async def work(read: str, way: str) -> None:
    connector = aiohttp.TCPConnector(limit=CONCURRENCY)
    timeout = aiohttp.ClientTimeout(PATIENCE)
    async with aiohttp.ClientSession(connector=connector, headers=HEADERS, timeout=timeout) as http:
        async for batch, commit in READ[read]():
            if batch:
                await SEND[way](http, batch)
                await commit()


RUN[sys.argv[1]](work(*sys.argv[1:]))
