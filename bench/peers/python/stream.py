"""FastStream on aiokafka, as its documentation shows it, with retries in place. ``CONCURRENCY``: ``max_workers``."""

from __future__ import annotations

import asyncio

import aiohttp
from faststream import FastStream
from faststream.kafka import KafkaBroker, KafkaMessage
from sending import a_session, send
from setting import BOOTSTRAP, CONCURRENCY, GROUP, INSTANCE, TOPIC

broker = KafkaBroker(BOOTSTRAP, logger=None)
app = FastStream(broker, logger=None)
sessions: list[aiohttp.ClientSession] = []


@app.on_startup
async def connect() -> None:
    sessions.append(a_session())


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
    await send(sessions[0], body)


asyncio.run(app.run())
