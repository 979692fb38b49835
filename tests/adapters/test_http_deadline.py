"""Limits on time, kept by one timer."""

from __future__ import annotations

import asyncio
import time

from worker.adapters.http_deadline import Deadlines


async def wait(deadlines: Deadlines, seconds: float) -> str:
    """How a wait of so many seconds ends under the limit."""
    try:
        with deadlines.limit():
            await asyncio.sleep(seconds)
    except TimeoutError:
        return "late"
    return "done"


def test_what_takes_too_long_is_ended_and_the_rest_is_not() -> None:
    async def story() -> list[str]:
        deadlines = Deadlines(0.05)
        return await asyncio.gather(*(wait(deadlines, seconds) for seconds in (10, 0, 10, 0.01)))

    assert ["late", "done", "late", "done"] == asyncio.run(story())


def test_each_has_its_own_time_from_its_own_beginning() -> None:
    async def story() -> list[tuple[str, bool]]:
        deadlines = Deadlines(0.1)

        async def one(delay: float) -> tuple[str, bool]:
            await asyncio.sleep(delay)
            began = time.monotonic()
            ending = await wait(deadlines, 10)
            return ending, time.monotonic() - began > 0.09

        return [*await asyncio.gather(one(0), one(0.04), one(0.25))]

    assert [("late", True)] * 3 == asyncio.run(story())


def test_a_cancellation_from_elsewhere_stays_one() -> None:
    async def story() -> bool:
        task = asyncio.create_task(wait(Deadlines(5), 10))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return task.cancelled()

    assert asyncio.run(story())


def test_a_cancellation_in_the_same_moment_wins() -> None:
    async def story() -> bool:
        deadlines = Deadlines(0.01)
        task = asyncio.create_task(wait(deadlines, 10))
        await asyncio.sleep(0)
        (limit,) = deadlines._open
        limit.expire()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return task.cancelled()

    assert asyncio.run(story())


def test_a_task_goes_on_after_a_limit_that_ended_it() -> None:
    async def story() -> tuple[str, int]:
        ending = await wait(Deadlines(0.01), 10)
        await asyncio.sleep(0)
        task = asyncio.current_task()
        assert task is not None
        return ending, task.cancelling()

    assert ("late", 0) == asyncio.run(story())


def test_nothing_is_remembered_of_what_has_ended() -> None:
    async def story() -> int:
        deadlines = Deadlines(5)
        await asyncio.gather(*(wait(deadlines, 0) for _ in range(10)))
        return len(deadlines._open)

    assert 0 == asyncio.run(story())
