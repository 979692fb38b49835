"""Users whom a destination answers much later than others: they may hold only a share of the requests that are open.

Rate is open requests ÷ mean latency. A tenth of the users answered after 2 s instead of 50 ms makes the mean 245 ms:
they then hold four of five open requests, and everybody's rate falls to a fifth, unless many more may be open.

With 2,000 open and 9,000 events a second of the others, those need 9,000 × 0.05 s = 450 places. A quarter more is kept
for them, 562, so the slow ones get 1,438 places, which serve 719 of their 1,000 events a second. The rest fills the
buffer; when it is full, the others come more slowly, fewer places are kept for them, and the slow ones get up to four
of five: 800 a second, with 7,200 of the others beside them. So ordinary users keep four fifths of their rate in the
long run, and all of it until the buffer is full.
"""

from __future__ import annotations

from typing import Final

from worker.core.conversation import Conversation

MOST: Final = 10_000  # remembered: by then it is the destination that is slow
AT_LEAST: Final = 0.1  # of the limit, which slow users have in any case, in the order of their events
FEWEST: Final = 0.2  # of the limit, kept for the others at least
NEARLY_ALL: Final = 0.8  # and at most
HEADROOM: Final = 1.25  # times what the others had open lately
LATELY: Final = 0.3  # the weight of one look at that


class SlowUsers:
    """Slow is who was answered late the last time, until the next answer comes in time, and whose answer is late now.

    Who that is among requests to users of whom nothing is known, is told by generations: a new one begins with each
    ``turn``, and what is older than the last but one is late.
    """

    __slots__ = ("_generation", "_late", "_middle", "_others", "_slow", "_young", "keys", "turns_at")

    def __init__(self) -> None:
        self.keys: dict[str, None] = {}  # the ordering keys of slow users
        self.turns_at = 0.0  # when the next generation begins
        self._generation = 2
        self._slow = 0  # requests under way: of slow users, and of the others by age
        self._young = self._middle = self._late = 0
        self._others = 0.0  # requests that were open lately, without the slow ones

    def sent(self, flow: Conversation) -> None:
        """A request of this flow is on its way."""
        if self.keys and flow.user.key in self.keys:
            flow.generation = 0
            self._slow += 1
        else:
            flow.generation = self._generation
            self._young += 1

    def heard(self, flow: Conversation) -> None:
        """It is not any more."""
        behind = self._generation - flow.generation
        if not behind:
            self._young -= 1
        elif not flow.generation:
            self._slow -= 1
        elif behind == 1:
            self._middle -= 1
        else:
            self._late -= 1

    def judge(self, key: str, *, slow: bool) -> None:
        """So this user was answered."""
        if slow:
            if key not in self.keys and len(self.keys) >= MOST:
                del self.keys[next(iter(self.keys))]
            self.keys[key] = None
        elif self.keys:
            self.keys.pop(key, None)

    def turn(self, now: float, after: float) -> None:
        """A new generation; the next one after so many seconds."""
        self.turns_at = now + after
        self._generation += 1
        self._late += self._middle
        self._middle, self._young = self._young, 0
        self._others += LATELY * (self._middle - self._others)

    @property
    def open(self) -> int:
        """Requests of slow users under way."""
        return self._slow + self._late

    def are_due(self, limit: int) -> bool:
        """They have less than they may have in any case."""
        return self.open < max(1.0, AT_LEAST * limit)

    def have_room(self, limit: int) -> bool:
        """What the others do not need is not used up."""
        kept = min(max(HEADROOM * self._others, FEWEST * limit), NEARLY_ALL * limit)
        return self.open < limit - kept
