"""What became of replayed letters: settled, dead letters again, or not yet either."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from worker.core.records import TopicPartition
from worker.dead_letters.letter import Letter, Place
from worker.dead_letters.settled import Settled
from worker.dead_letters.summary import table

SETTLED = "delivered, or not wanted any more (filtered, skipped)"
WAITING = "still waiting"


@dataclass(slots=True)
class Fates:
    """``sent``: for each replayed letter its place in the replay topic.

    A dead letter is in its topic before its event is settled: so look at the commits, then at the topic, and tell first
    of the letters and then of the commits.
    """

    topic: str
    sent: dict[Place, Place] = field(default_factory=dict)
    _again: dict[Place, str] = field(default_factory=dict)
    _waiting: set[Place] = field(default_factory=set)

    def replayed(self, letter: Place, place: Place) -> None:
        """Kafka has the copy."""
        self.sent[letter] = place
        self._waiting.add(letter)

    def committed(self, settled: Settled) -> None:
        """What the group has committed by now."""
        self._waiting = {
            letter
            for letter in self._waiting
            if not settled.has(TopicPartition(self.topic, self.sent[letter].partition), self.sent[letter].offset)
        }

    def given_up(self, letter: Letter) -> None:
        """A new dead letter."""
        if letter.replay_of is not None and letter.replay_of in self.sent:
            self._again[letter.replay_of] = letter.reason

    @property
    def waiting(self) -> int:
        """How many are neither settled nor dead letters again."""
        return len(self._waiting - self._again.keys())

    @property
    def all_well(self) -> bool:
        """Everything went where it should."""
        return not self._again and not self._waiting

    def counts(self) -> Mapping[str, int]:
        """By what became of them."""
        found = Counter({SETTLED: len(self.sent) - len(self._again) - self.waiting})
        found.update(f"dead letter again: {reason}" for reason in self._again.values())
        found[WAITING] = self.waiting
        return +found

    def lines(self) -> Iterator[str]:
        """The same as a table."""
        yield from table([("letters", "what became of them"), *((str(n), what) for what, n in self.counts().items())])
