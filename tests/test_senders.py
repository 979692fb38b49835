"""Requests on their way, and what becomes of them when something goes wrong on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from mappings.contract import Request, Response
from tests.builders import a_request
from worker.core.effects import Send
from worker.core.faults import Fault
from worker.senders import CUT, Senders
from worker.wires import Heard

OK = Response(200)


@dataclass(slots=True, eq=False)
class Asked:
    """A request that the test answers."""

    answer: Heard
    cuts: int = 0

    def cut(self) -> None:
        self.cuts += 1


@dataclass(slots=True, eq=False)
class Scene:
    """``ready`` are the requests that wait to be taken; ``heard`` what was told of them."""

    ready: list[Send]
    asked: list[Asked] = field(default_factory=list)
    heard: list[tuple[Send, Response | Fault]] = field(default_factory=list)
    failed: list[BaseException] = field(default_factory=list)
    fault: Exception | None = None

    async def open(self) -> None: ...
    async def close(self) -> None: ...

    def ask(self, request: Request, headers: Mapping[str, str], heard: Heard) -> Asked:  # noqa: ARG002  (says what it is told to)
        self.asked.append(Asked(heard))
        return self.asked[-1]

    def take(self) -> Send | None:
        return self.ready.pop(0) if self.ready else None

    def hear(self, send: Send, answer: Response | Fault) -> None:
        if self.fault is not None:
            raise self.fault
        self.heard.append((send, answer))

    def senders(self) -> Senders:
        return Senders("wigzo", self, self.take, self.hear, self.failed.append)


def a_send(at: float = 0.0) -> Send:
    return Send(a_request(), at, None)


def test_no_more_are_under_way_than_allowed_and_an_answer_makes_room() -> None:
    first, second, third = sends = [a_send(float(number)) for number in range(3)]
    scene = Scene([*sends])
    senders = scene.senders()
    senders.start(2)
    assert (2, 0.0, [third]) == (len(scene.asked), senders.oldest, scene.ready)
    scene.asked[0].answer(OK)
    senders.wake()
    assert ([(first, OK)], 3, 1.0) == (scene.heard, len(scene.asked), senders.oldest)
    assert second not in scene.ready


def test_a_fault_in_what_hears_an_answer_ends_the_process() -> None:
    """In a connection's callback the loop would log it and go on, half-alive."""
    scene = Scene([a_send()], fault=ZeroDivisionError())
    scene.senders().start(1)
    scene.asked[0].answer(OK)
    assert [scene.fault] == scene.failed


def test_a_fault_in_what_is_taken_ends_the_process() -> None:
    fault = ZeroDivisionError()

    def take() -> Send:
        raise fault

    scene = Scene([])
    Senders("wigzo", scene, take, scene.hear, scene.failed.append).start(1)
    assert [fault] == scene.failed


def test_what_is_cut_is_heard_as_cut_once_and_soon() -> None:
    async def story() -> tuple[Scene, list[Send]]:
        sends = [a_send(), a_send()]
        scene = Scene([*sends])
        senders = scene.senders()
        senders.start(2)
        senders.cut(lambda send: send is sends[1])
        assert [] == scene.heard, "not while whoever cuts is at it"
        await asyncio.sleep(0)
        scene.asked[1].answer(OK)  # too late
        return scene, sends

    scene, (_, cut) = asyncio.run(story())
    assert ([(cut, CUT)], [0, 1]) == (scene.heard, [asked.cuts for asked in scene.asked])


def test_after_the_end_nothing_is_heard_or_sent() -> None:
    scene = Scene([a_send()])
    senders = scene.senders()
    senders.start(1)
    senders.end()
    scene.ready.append(a_send())
    scene.asked[0].answer(OK)
    senders.wake()
    assert ([], 1, 1) == (scene.heard, scene.asked[0].cuts, len(scene.asked))
