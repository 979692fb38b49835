"""What the probes and the watchdog see of the lanes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from worker.adapters.subscription import GRACE_SECONDS
from worker.core.progress import Sight, waits_for
from worker.runner import Runner

# Seconds that one dead letter may take: ask where it belongs, be written within the producer's 30 s; and when another
# one spoilt the connection, as long again to close that and try alone.
LETTER: Final = 80.0


def unready(runners: Iterable[Runner]) -> str | None:
    """Why no events are taken, or nothing."""
    for runner in runners:
        if runner.draining:
            return f"{runner.name} is draining"
        if not runner.joined:
            return f"{runner.name} has not joined its group yet"
    return None


def sights(runners: Iterable[Runner], now: float) -> Mapping[str, Sight]:
    """One look at each lane, on its loop; ``now`` in its clock."""
    return {what: sight for runner in runners for what, sight in _of(runner, now).items()}


def _of(runner: Runner, now: float) -> Mapping[str, Sight]:
    request, letter = runner.oldest_request, runner.oldest_letter
    return {
        runner.name: Sight(_done(runner), _waits_for(runner, now)),
        f"{runner.name}'s consumer thread": Sight(
            runner.consumer.turns,
            "the end" if runner.draining else "",
            longest=runner.drain_timeout + 2 * GRACE_SECONDS,  # a rebalance waits inside a poll
        ),
        f"{runner.name}'s oldest request": Sight(request, _none(request), longest=runner.request_timeout),
        f"{runner.name}'s oldest dead letter in hand": Sight(letter, _none(letter), longest=LETTER),
    }


def _done(runner: Runner) -> tuple[int, ...]:
    tally = runner.tally
    counted = (tally.consumed.total(), tally.requests.total(), tally.settled.total())
    return (*counted, tally.released, tally.passed_over)


def _waits_for(runner: Runner, now: float) -> str:
    if runner.oldest_request is not None:
        return "an answer"
    if runner.oldest_letter is not None:
        return "the producer"
    if runner.leaving:
        return "a drain"
    return waits_for(runner.status(now), now)


def _none(what: object) -> str:
    return "anything to do" if what is None else ""
