"""The watchdog: a loop or a lane that stands still is told with its stacks; what breaks its bound ends the process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import pytest

from worker.core.progress import PATIENCE, Sight
from worker.watchdog import INTERVAL, Watchdog

GONE_ON = "the event loop goes on again"


@dataclass
class Written:
    """A log that keeps its lines; ``before`` is what a writer waits for."""

    lines: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    before: Callable[[], object] = lambda: None

    def info(self, event: str, **fields: Any) -> None:
        self.before()
        self.lines.append((event, fields))

    warning = error = info


@dataclass
class Kennel:
    """A watchdog whose seconds pass by ``wait``, over a loop that turns when it is told to."""

    loop: asyncio.AbstractEventLoop
    sights: Callable[[], Mapping[str, Sight]] = dict
    log: Written = field(default_factory=Written)
    ended: list[int] = field(default_factory=list)
    now: float = 1000.0

    def __post_init__(self) -> None:
        self.dog = Watchdog(
            self.loop, lambda: self.sights(), self.log, clock=lambda: self.now, end=lambda code: self.ended.append(code)
        )

    def wait(self, seconds: float, *, loop_turns: bool = True) -> None:
        for _ in range(round(seconds / INTERVAL)):
            if loop_turns:
                self.loop.call_soon(self.loop.stop)
                self.loop.run_forever()
            self.now += INTERVAL
            self.dog.look()


@pytest.fixture
def kennel() -> Iterator[Kennel]:
    with closing(asyncio.new_event_loop()) as loop:
        yield Kennel(loop)


def test_a_worker_whose_loop_turns_and_whose_lanes_go_on_is_left_alone(kennel: Kennel) -> None:
    kennel.sights = lambda: {"wigzo": Sight(kennel.now), "wootric": Sight(0, "held")}
    kennel.wait(10 * PATIENCE)
    assert (None, []) == (kennel.dog.stuck(), kennel.log.lines)


def test_a_loop_that_does_not_turn_is_told_once_with_the_stacks_of_all_threads(kennel: Kennel) -> None:
    kennel.wait(3)
    kennel.wait(PATIENCE + 30, loop_turns=False)
    assert "the event loop has not gone on for 90 s, and nothing says why" == kennel.dog.stuck()
    ((said, fields),) = kennel.log.lines
    assert (
        "stuck: the event loop has not gone on for 60 s, and nothing says why. /healthz fails until it goes on" == said
    )
    assert "MainThread: " in fields["threads"]
    assert "in test_a_loop_that_does_not_turn_is_told_once_with_the_stacks_of_all_threads" in fields["threads"]


def test_a_loop_that_turns_again_is_healthy_again(kennel: Kennel) -> None:
    kennel.wait(PATIENCE + 1, loop_turns=False)
    kennel.wait(3)
    assert (None, GONE_ON) == (kennel.dog.stuck(), kennel.log.lines[-1][0])


def test_a_lane_that_stands_is_named_and_the_others_are_not(kennel: Kennel) -> None:
    kennel.sights = lambda: {"wigzo": Sight(kennel.now), "wootric": Sight(7)}
    kennel.wait(PATIENCE + 3)
    assert "wootric has not gone on for 61 s, and nothing says why" == kennel.dog.stuck()
    assert 1 == len(kennel.log.lines)


def test_where_the_loop_stands_no_lane_is_blamed(kennel: Kennel) -> None:
    kennel.sights = lambda: {"wootric": Sight(7)}
    kennel.wait(5)
    kennel.wait(PATIENCE + 5, loop_turns=False)
    assert str(kennel.dog.stuck()).startswith("the event loop has not gone on")
    assert ";" not in str(kennel.dog.stuck())


def test_what_breaks_its_bound_ends_the_process_with_a_sentence_and_the_stacks(kennel: Kennel) -> None:
    kennel.dog.bounded("the drain of events/0", 10, lambda: False)
    kennel.wait(10, loop_turns=False)
    assert [] == kennel.ended
    kennel.wait(1, loop_turns=False)
    assert [70] == kennel.ended
    ((said, fields),) = kennel.log.lines
    assert said == (
        "stuck: the drain of events/0 has not ended within 10 s. This process ends now (exit code 70); "
        "what it had under way is sent again by whoever has its partitions next"
    )
    assert {"threads", "tasks"} == fields.keys()


def test_what_ends_within_its_bound_is_forgotten(kennel: Kennel) -> None:
    kennel.dog.bounded("the drain of events/0", 10, lambda: kennel.now > 1005)
    kennel.wait(100)
    assert ([], []) == (kennel.ended, kennel.log.lines)


def test_a_process_that_was_stopped_for_longer_than_a_bound_may_still_keep_it(kennel: Kennel) -> None:
    kennel.dog.bounded("the drain of events/0", 10, lambda: kennel.now > 9001)
    kennel.wait(5)
    kennel.now += 8000
    kennel.wait(1)
    assert [] == kennel.ended


def test_tasks_that_wait_at_the_same_place_are_one_line_and_no_value_is_told(kennel: Kennel) -> None:
    async def serve(secret: str) -> None:
        await wait_for_ever(secret)

    async def wait_for_ever(secret: str) -> None:
        await asyncio.get_running_loop().create_future()

    tasks = [kennel.loop.create_task(serve("mail@example.com"), name="wigzo sender") for _ in range(3)]
    kennel.wait(1)
    kennel.dog.bounded("the stop", 0, lambda: False)
    kennel.wait(1)
    ((_, fields),) = kennel.log.lines
    (line,) = [line for line in fields["tasks"].split("\n  ") if "sender" in line]
    assert line.startswith("3 × wigzo sender: tests/test_watchdog.py:")
    assert ["serve", "wait_for_ever"] == [place.rpartition(" in ")[2] for place in line.split(" > ")]
    assert "mail@example.com" not in str(fields)
    for task in tasks:
        task.cancel()
    kennel.wait(1)


def test_a_log_that_nobody_reads_keeps_no_process_alive(kennel: Kennel) -> None:
    read = Event()
    kennel.log.before = lambda: read.wait(30)
    kennel.dog.bounded("the stop", 0, lambda: False)
    kennel.wait(1)
    assert [70] == kennel.ended
    read.set()


def test_the_watchdog_outlives_the_loop(kennel: Kennel) -> None:
    kennel.loop.close()
    kennel.dog.bounded("the stop", 10, lambda: False)
    kennel.wait(11, loop_turns=False)
    assert [70] == kennel.ended
