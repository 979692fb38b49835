"""A lane's dead letters on their way to the producer, and what came of them on the way back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from worker.adapters.producer import Acknowledged, ProduceFailed
from worker.core.lane import Lane
from worker.core.letters import DeadLetter, Produce
from worker.wires import Producer


@dataclass(slots=True, eq=False)
class LettersOut:
    """``topic`` is where they go. ``may_write`` is asked last before one is written; ``heard`` follows each answer.

    ``clock`` is Unix seconds.
    """

    topic: str
    lane: Lane
    producer: Producer
    clock: Callable[[], float]
    may_write: Callable[[], bool]
    heard: Callable[[float], None]
    _in_hand: dict[DeadLetter, float] = field(default_factory=dict, init=False)  # since when the producer has it

    @property
    def oldest(self) -> float | None:
        """Since when the producer has the oldest one that it has not answered for."""
        return next(iter(self._in_hand.values()), None)

    def send(self, produce: Produce) -> None:
        """Hand one over."""
        self._in_hand[produce.letter] = self.clock()
        self.producer.send(
            self.topic,
            key=produce.key,
            value=produce.value,
            headers=produce.headers,
            ordering_key=produce.ordering_key,
            done=lambda result: self._done(produce.letter, result),
            may_write=self.may_write,
        )

    def _done(self, letter: DeadLetter, result: Acknowledged | ProduceFailed) -> None:
        now = self.clock()
        self._in_hand.pop(letter, None)
        match result:
            case Acknowledged():
                self.lane.acknowledged(letter, now)
            case ProduceFailed():
                self.lane.unacknowledged(letter, now, too_large=result.too_large, why=result.reason)
        self.heard(now)
