"""The commit of a stop: what it does not carry is sent again, so it is tried more than once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from worker.core.records import Position, TopicPartition

LEAVING: Final = 10.0  # seconds that it may take
RETRY: Final = 0.2  # seconds between two tries

Positions: TypeAlias = Mapping[TopicPartition, Position]


@dataclass(slots=True, eq=False)
class LastCommit:
    """What a stop has released and no commit has said yet."""

    _left: Positions = field(default_factory=dict, init=False)
    _told: asyncio.Future[None] | None = field(default=None, init=False)

    def of(self, positions: Positions) -> None:
        """This is what it is to say."""
        self._left = positions

    async def until_said(self, commit: Callable[[Positions], None]) -> None:
        """Commit, until it is taken or the time is over. ``answered`` is told how each try went."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + LEAVING
        while self._left and loop.time() < deadline:
            self._told = loop.create_future()
            commit(self._left)
            await asyncio.wait([self._told], timeout=deadline - loop.time())
            if self._left:
                await asyncio.sleep(RETRY)

    def answered(self, positions: Positions, error: str | None) -> None:
        """The answer to a commit of these, whoever made it."""
        if error is None:
            self._left = {one: at for one, at in self._left.items() if positions.get(one) != at}
        if self._told is not None and not self._told.done():
            self._told.set_result(None)

    def hand_over(self, partitions: frozenset[TopicPartition]) -> Positions:
        """What is left of these, which somebody else is to say now."""
        said = self._left
        self._left = {one: at for one, at in said.items() if one not in partitions}
        return {one: at for one, at in said.items() if one in partitions}
