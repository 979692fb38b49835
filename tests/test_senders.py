"""Requests on their way, and what becomes of them when something goes wrong on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from mappings.contract import Request, Response
from tests.builders import a_request
from worker.core.effects import Send
from worker.senders import CUT, TOGETHER, Answered, Senders
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
    heard: list[Answered] = field(default_factory=list)
    together: list[int] = field(default_factory=list)  # how many answers were heard at once
    failed: list[BaseException] = field(default_factory=list)
    fault: Exception | None = None

    async def open(self) -> None: ...
    async def close(self) -> None: ...

    def ask(self, request: Request, headers: Mapping[str, str], heard: Heard) -> Asked:  # noqa: ARG002  (says what it is told to)
        self.asked.append(Asked(heard))
        return self.asked[-1]

    def take(self, most: int) -> list[Send]:
        taken, self.ready = self.ready[:most], self.ready[most:]
        return taken

    def hear(self, answers: Sequence[Answered]) -> None:
        if self.fault is not None:
            raise self.fault
        self.together.append(len(answers))
        self.heard += answers

    def senders(self) -> Senders:
        return Senders("wigzo", self, self.take, self.hear, self.failed.append)


def a_send(at: float = 0.0) -> Send:
    return Send(a_request(), at, None)


def story(of: Callable[[], None]) -> None:
    """Tell it on an event loop, to the end of what it has brought about."""

    async def told() -> None:
        of()
        await asyncio.sleep(0)

    asyncio.run(told())


def test_no_more_are_under_way_than_allowed_and_an_answer_makes_room() -> None:
    first, second, third = sends = [a_send(float(number)) for number in range(3)]
    scene = Scene([*sends])
    senders = scene.senders()
    senders.start(2)
    assert (2, 0.0, [third]) == (len(scene.asked), senders.oldest, scene.ready)
    story(lambda: scene.asked[0].answer(OK))
    senders.wake()
    assert ([(first, OK)], 3, 1.0) == (scene.heard, len(scene.asked), senders.oldest)
    assert second not in scene.ready


def test_answers_of_one_turn_of_the_loop_are_heard_together_and_in_their_order() -> None:
    sends = [a_send(), a_send()]
    scene = Scene([*sends])
    scene.senders().start(2)

    def both() -> None:
        scene.asked[1].answer(OK)
        scene.asked[0].answer(OK)
        assert [] == scene.heard

    story(both)
    assert ([(sends[1], OK), (sends[0], OK)], [2]) == (scene.heard, scene.together)


def test_many_answers_of_one_turn_do_not_wait_for_its_end() -> None:
    scene = Scene([a_send() for _ in range(TOGETHER + 1)])
    scene.senders().start(TOGETHER + 1)

    def all_of_them() -> None:
        for asked in scene.asked:
            asked.answer(OK)
        assert [TOGETHER] == scene.together

    story(all_of_them)
    assert [TOGETHER, 1] == scene.together


def test_an_answer_that_is_not_heard_yet_is_not_cut() -> None:
    """It is known what became of it: as cut it might go out twice."""
    scene = Scene([a_send()])
    senders = scene.senders()
    senders.start(1)

    def answered_then_cut() -> None:
        scene.asked[0].answer(OK)
        senders.cut(lambda _: True)

    story(answered_then_cut)
    assert ([OK], 0) == ([answer for _, answer in scene.heard], scene.asked[0].cuts)


def test_a_fault_in_what_hears_answers_ends_the_process() -> None:
    """In a connection's callback the loop would log it and go on, half-alive."""
    scene = Scene([a_send()], fault=ZeroDivisionError())
    scene.senders().start(1)
    story(lambda: scene.asked[0].answer(OK))
    assert [scene.fault] == scene.failed


def test_a_fault_in_what_is_taken_ends_the_process() -> None:
    fault = ZeroDivisionError()

    def take(_most: int) -> list[Send]:
        raise fault

    scene = Scene([])
    Senders("wigzo", scene, take, scene.hear, scene.failed.append).start(1)
    assert [fault] == scene.failed


def test_what_is_cut_is_heard_as_cut_once_and_soon() -> None:
    async def told() -> tuple[Scene, list[Send]]:
        sends = [a_send(), a_send()]
        scene = Scene([*sends])
        senders = scene.senders()
        senders.start(2)
        senders.cut(lambda send: send is sends[1])
        assert [] == scene.heard, "not while whoever cuts is at it"
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        scene.asked[1].answer(OK)  # too late
        await asyncio.sleep(0)
        return scene, sends

    scene, (_, cut) = asyncio.run(told())
    assert ([(cut, CUT)], [0, 1]) == (scene.heard, [asked.cuts for asked in scene.asked])


def test_after_the_end_nothing_is_heard_or_sent() -> None:
    scene = Scene([a_send()])
    senders = scene.senders()
    senders.start(1)
    senders.end()
    scene.ready.append(a_send())
    story(lambda: scene.asked[0].answer(OK))
    senders.wake()
    assert ([], 1, 1) == (scene.heard, scene.asked[0].cuts, len(scene.asked))


def test_after_the_end_an_answer_that_had_come_before_is_not_heard_either() -> None:
    scene = Scene([a_send()])
    senders = scene.senders()
    senders.start(1)

    def answered_then_ended() -> None:
        scene.asked[0].answer(OK)
        senders.end()

    story(answered_then_ended)
    assert [] == scene.heard
