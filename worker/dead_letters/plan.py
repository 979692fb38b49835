"""What a replay would do, counted before anything is done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from mappings.contract import Event
from worker.core.decode import decode
from worker.core.policy import Policy
from worker.core.records import Record
from worker.core.routing import Routing
from worker.dead_letters.letter import Letter, Place


@dataclass(slots=True)
class Plan:
    """Takes each letter that is meant; ``chosen`` are those that will be replayed. ``now`` is Unix seconds.

    ``replayed`` have a copy in the replay topic already: they are left out, unless they are wanted ``again``.
    """

    policy: Policy
    replayed: frozenset[Place]
    again: bool
    now: float
    chosen: set[Place] = field(default_factory=set)
    by_reason: Counter[str] = field(default_factory=Counter)
    left_out: int = 0
    without_value: int = 0
    unwanted: Counter[str] = field(default_factory=Counter)
    _routing: Routing = field(init=False)

    def __post_init__(self) -> None:
        self._routing = Routing(self.policy)

    def add(self, record: Record, letter: Letter) -> bool:
        """Whether it will be replayed."""
        if not letter.has_value:
            self.without_value += 1
            return False
        if letter.place in self.replayed and not self.again:
            self.left_out += 1
            return False
        self.chosen.add(letter.place)
        self.by_reason[letter.reason] += 1
        self.unwanted.update(self._unwanted(record))
        return True

    def begins(self) -> dict[int, int]:
        """The first chosen offset of each partition."""
        found: dict[int, int] = {}
        for place in self.chosen:
            found[place.partition] = min(place.offset, found.get(place.partition, place.offset))
        return found

    def _unwanted(self, record: Record) -> Iterator[str]:
        """Why the worker would not send it: its wishes count for a replay, too."""
        for member in decode(record, self.policy.integration):
            verdict = self._routing.verdict(member, self.now) if isinstance(member, Event) else None
            if verdict is not None:
                yield verdict.reason

    def lines(self) -> Iterator[str]:
        """What is said before."""
        reasons = ", ".join(f"{count} {reason}" for reason, count in self.by_reason.most_common())
        yield f"{_letters(len(self.chosen))} to replay" + (f": {reasons}" if reasons else "")
        if self.left_out:
            yield f"{_letters(self.left_out)} left out: replayed before (--again replays them once more)"
        if self.without_value:
            yield (
                f"{_letters(self.without_value)} left out: too large for the topic of dead letters, so the value is "
                "not there (`show` says where the event was)"
            )
        for reason, count in self.unwanted.most_common():
            yield f"{count} of their events will not be sent: {reason} by this destination's settings"


def _letters(count: int) -> str:
    return "1 dead letter" if count == 1 else f"{count} dead letters"
