"""Where a host is: asked anew every few seconds, since vendors move, and once for all who connect together."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from aiohappyeyeballs import AddrInfoType

BELIEVED: Final = 10.0  # seconds

Ask = Callable[[str, int], Awaitable[Sequence[AddrInfoType]]]


@dataclass(slots=True, eq=False)
class Answer:
    """What one question came to. Those who share it begin at different addresses."""

    asked: float
    addresses: asyncio.Task[deque[AddrInfoType]]


class Addresses:
    """``ask`` is ``getaddrinfo`` for a host and a port; ``clock`` is in seconds."""

    def __init__(self, ask: Ask, clock: Callable[[], float]) -> None:
        self._ask = ask
        self._clock = clock
        self._answers: dict[tuple[str, int], Answer] = {}

    async def of(self, host: str, port: int) -> Sequence[AddrInfoType]:
        """At least one. Raises ``OSError``."""
        found = self._answers.get((host, port))
        if found is None or self._clock() - found.asked >= BELIEVED:
            found = self._answers[host, port] = Answer(self._clock(), asyncio.ensure_future(self._asked(host, port)))
            found.addresses.add_done_callback(_look_at)
        try:
            # Who gives up waiting does not take the answer away from the others.
            addresses = await asyncio.shield(found.addresses)
        except OSError:
            self._answers.pop((host, port), None)
            raise
        addresses.rotate(-1)
        return tuple(addresses)

    def doubt(self, host: str, port: int) -> None:
        """Nobody could be reached there: ask anew for the next one, who may have moved just now."""
        found = self._answers.get((host, port))
        if found is not None and found.addresses.done():
            del self._answers[host, port]

    async def _asked(self, host: str, port: int) -> deque[AddrInfoType]:
        return deque(await self._ask(host, port))


def _look_at(done: asyncio.Task[deque[AddrInfoType]]) -> None:
    """Where everybody has given up waiting, nobody else does: asyncio would complain of it."""
    if not done.cancelled():
        done.exception()
