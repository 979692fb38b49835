"""Events sent by a transport as a lane would: each until it is taken."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count

from mappings.contract import Request, Response
from tests.adapters.transports import Sender

PAUSE = 0.02  # seconds before a failed one goes again


@dataclass(slots=True)
class Load:
    """What came of it: how often each event failed after its request may have been written, and before that."""

    done: int = 0
    written: Counter[str] = field(default_factory=Counter)
    unwritten: int = 0
    names: Iterator[int] = field(default_factory=count)


async def deliver(
    sender: Sender, url: str, *, at_once: int, go_on: Callable[[Load], bool], load: Load | None = None
) -> Load:
    """POST events with different ``n`` for as long as ``go_on`` says, so many at once."""
    load = load or Load()

    async def one_after_another() -> None:
        while go_on(load):
            await _until_taken(sender, url, str(next(load.names)), load)

    await asyncio.gather(*(one_after_another() for _ in range(at_once)))
    return load


async def _until_taken(sender: Sender, url: str, event: str, load: Load) -> None:
    request = Request("POST", url, "learn", query=(("n", event),), json={"text": "x" * 400})
    while True:
        came = await sender.send(request, {})
        if isinstance(came, Response):
            assert came.status == 200
            load.done += 1
            return
        if came.written:
            load.written[event] += 1
        else:
            load.unwritten += 1
        await asyncio.sleep(PAUSE)
