"""A request's own life: what happens to it between its connection and its writing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import pytest

from mappings.contract import Response
from tests.adapters.transports import Run
from worker.adapters.http_bounds import NO_CONNECTION, WITHHELD
from worker.adapters.http_deadline import Deadlines
from worker.adapters.http_exchange import TOGETHER, Exchange, Link, Outbox
from worker.adapters.http_head import Origin
from worker.adapters.http_wire import Wire
from worker.core.faults import Fault

pytestmark = pytest.mark.interpreted  # a stand-in for a connection: compiled, only the real one is taken
ORIGIN = Origin("http", "vendor.example", 80)
DONE = Response(200)


@dataclass
class End:
    """The other end, as far as a request sees it."""

    closed: bool = False

    def is_closing(self) -> bool:
        return self.closed


@dataclass(eq=False)
class AWire:
    """A kept connection; it is asked, and answers when it is told to."""

    transport: End = field(default_factory=End)
    served: int = 1
    silent: bool = True
    asked: list[bytes] = field(default_factory=list)
    heard: Callable[[Response | Fault], None] | None = None
    given_up: int = 0

    def ask(self, request: bytes, heard: Callable[[Response | Fault], None]) -> None:
        self.asked.append(request)
        self.heard = heard

    def give_up(self) -> None:
        self.given_up += 1


@dataclass
class APool:
    """Kept connections, in the order in which they are handed out."""

    wires: list[AWire]
    back: list[AWire] = field(default_factory=list)

    def at_once(self, _origin: Origin) -> Wire | None:
        return cast("Wire", self.wires.pop(0)) if self.wires else None

    async def get(self, _origin: Origin) -> Wire:
        nobody: asyncio.Future[Wire] = asyncio.get_running_loop().create_future()
        return await nobody

    def put_back(self, wire: Wire) -> None:
        self.back.append(cast("AWire", wire))

    def close(self) -> None:
        """Nothing to close."""


class Story:
    """Requests over the given connections."""

    def __init__(self, *wires: AWire, may_write: bool = True) -> None:
        loop = asyncio.get_running_loop()
        self.pool = APool([*wires])
        self.may_write = may_write
        self.came: list[Response | Fault] = []
        self._link = Link(loop, self.pool, Deadlines(60.0), None, Outbox(loop, lambda: self.may_write))

    def ask(self, message: bytes = b"POST", *, repeats: bool = False) -> Exchange:
        exchange = Exchange(self._link, ORIGIN, message, self.came.append, repeats=repeats)
        exchange.begin()
        return exchange


async def turn() -> None:
    """Everything that is due is done."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)


def test_requests_of_one_turn_of_the_loop_are_written_after_it(run: Run) -> None:
    async def story() -> tuple[list[list[bytes]], list[list[bytes]]]:
        wires = AWire(), AWire()
        of = Story(*wires)
        of.ask(b"one")
        of.ask(b"two")
        before = [[*wire.asked] for wire in wires]
        await turn()
        return before, [wire.asked for wire in wires]

    assert run(story()) == ([[], []], [[b"one"], [b"two"]])


def test_many_requests_of_one_turn_do_not_wait_for_its_end(run: Run) -> None:
    async def story() -> int:
        wires = [AWire() for _ in range(TOGETHER + 1)]
        of = Story(*wires)
        for _ in wires:
            of.ask()
        return sum(bool(wire.asked) for wire in wires)

    assert run(story()) == TOGETHER


@pytest.mark.parametrize("served", [0, 1], ids=["never used", "used"])
def test_a_kept_connection_that_closed_before_the_writing_is_replaced_whatever_the_method(
    run: Run, served: int
) -> None:
    async def story() -> tuple[list[bytes], list[bytes], list[AWire], list[Response | Fault]]:
        first, second = AWire(served=served), AWire()
        of = Story(first, second)
        of.ask(b"POST")
        first.transport.closed = True
        await turn()
        assert second.heard is not None
        second.heard(DONE)
        assert of.pool.back == [first]
        return first.asked, second.asked, of.pool.back, of.came

    asked_first, asked_second, _, came = run(story())
    assert (asked_first, asked_second, came) == ([], [b"POST"], [DONE])


def test_a_lease_that_ends_before_the_writing_withholds_the_request(run: Run) -> None:
    async def story() -> tuple[list[bytes], int, list[Response | Fault]]:
        wire = AWire()
        of = Story(wire)
        of.ask()
        of.may_write = False
        await turn()
        return wire.asked, len(of.pool.back), of.came

    assert run(story()) == ([], 1, [WITHHELD])


def test_a_request_that_is_cut_before_the_writing_gives_its_connection_back_and_is_not_heard_of(run: Run) -> None:
    async def story() -> tuple[list[bytes], int, int, list[Response | Fault]]:
        wire = AWire()
        of = Story(wire)
        of.ask().cut()
        await turn()
        return wire.asked, wire.given_up, len(of.pool.back), of.came

    assert run(story()) == ([], 0, 1, [])


def test_a_cut_request_is_not_withheld_later(run: Run) -> None:
    async def story() -> tuple[int, list[Response | Fault]]:
        of = Story(AWire())
        of.ask().cut()
        of.may_write = False
        await turn()
        return len(of.pool.back), of.came

    assert run(story()) == (1, [])


def test_a_request_whose_time_is_over_before_the_writing_was_not_written(run: Run) -> None:
    async def story() -> tuple[list[bytes], int, list[Response | Fault]]:
        wire = AWire()
        of = Story(wire)
        of.ask().expire()
        await turn()
        return wire.asked, len(of.pool.back), of.came

    assert run(story()) == ([], 1, [NO_CONNECTION])


def test_a_request_that_was_written_is_given_up_with_its_connection(run: Run) -> None:
    async def story() -> tuple[int, int]:
        wire = AWire()
        of = Story(wire)
        exchange = of.ask()
        await turn()
        exchange.expire()
        return wire.given_up, len(of.pool.back)

    assert run(story()) == (1, 0)
