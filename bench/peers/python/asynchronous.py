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
from sending import a_session, send
from setting import BOOTSTRAP, CONFLUENT, GROUP, INSTANCE, TOPIC

Batch = list[tuple[bytes, bytes]]
Commit = Callable[[], Awaitable[object]]
LARGEST = 2_000


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
    consumer = Consumer(CONFLUENT)
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
    async with a_session() as http:
        async for batch, commit in READ[read]():
            if batch:
                await SEND[way](http, batch)
                await commit()


RUN[sys.argv[1]](work(*sys.argv[1:]))
