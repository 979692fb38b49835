"""How many requests may be open at a destination: found from how long its answers take, and from what it refuses.

Rate is open requests ÷ mean latency. As long as more open requests are answered as quickly, more of them are better;
from where they wait for each other, more of them only wait longer. So the limit is kept where answers wait a little,
which keeps the destination busy and its queue short.

It is looked at after so many answers, and not after so many seconds, so a pause changes nothing. What an answer costs
is here; where the limit goes is ``worker.core.search`` (latency) and ``worker.core.refusals``.
"""

from __future__ import annotations

from typing import Final

from worker.core.latencies import Latencies, Reading, read
from worker.core.refusals import Refusals, Scene
from worker.core.search import Search
from worker.core.shares import Share

FIRST: Final = 10  # open requests: as many as TCP sends packets before the first is acknowledged (RFC 6928)
EVIDENCE: Final = 64
MOST_EVIDENCE: Final = 1_024  # answers that a careful look rests on
FAIRLY_SURE: Final = 0.08  # share by which a careful look may be off
SURE: Final = 0.06  # and a trial's
UNKNOWN: Final = 1.0  # seconds after which an answer is slow, as long as nothing is known
UNHEARD_OF: Final = float("inf")


class Concurrency:
    """One destination's ``limit``, from 1 to ``most``. It stays at ``most`` where it is not ``adaptive``.

    ``room``: how many may be open now. The places of what was refused or failed in a row stay empty until one is
    answered well, so that a destination that takes 3 of 10 is not asked for 7 more, and 7 more, while it serves the 3.
    Where nothing of what was open is answered well there is no such number, and all places are free again.
    """

    __slots__ = (
        "_due",
        "_full",
        "_heard",
        "_left_out",
        "_operations",
        "_refusals",
        "_row",
        "_row_of",
        "_search",
        "_settling",
        "adaptive",
        "limit",
        "most",
        "room",
    )

    def __init__(self, most: int, *, adaptive: bool) -> None:
        self.most = most
        self.adaptive = adaptive
        self.limit = self.room = min(FIRST, most) if adaptive else most
        self._search = Search(self.limit, most)
        self._refusals = Refusals(self._search)
        self._operations: dict[str, Latencies] = {}
        self._heard = self._full = 0  # answers in this look; those before which no more might be open
        self._left_out = 0  # and those of slow users besides
        self._row = self._row_of = 0  # what came to nothing without an answer between; what was open when that began
        self._due = 1  # answers after which there is a look
        self._settling = False  # what was open when the limit changed is still being answered

    @property
    def was_found(self) -> bool:
        """It is the destination's, and not what the settings allow."""
        return self.limit < self.most

    # --- the hot path

    def answered(self, operation: str, seconds: float, open_: int, now: float, *, known_slow: bool = False) -> bool:
        """One more final answer, after so many seconds; so many requests were open until then. Was it a slow one?

        What a user who is ``known_slow`` waits for says nothing of the others: where those have little to send, a
        quarter of the answers would soon be slow ones, and be taken for a queue. Not more are left out than are heard:
        where everybody is slow, it is the destination.
        """
        latencies = self._operations.get(operation)
        if latencies is None:
            latencies = self._operations[operation] = Latencies()
        at_the_limit = open_ >= self.room
        if self._row:
            self._row = 0
            self.room = self.limit
        late = seconds > latencies.slow_after
        if late and known_slow and self._left_out < self._heard:
            self._left_out += 1
            return True
        latencies.observe(seconds)
        self._heard += 1
        if at_the_limit:
            self._full += 1
        if self._heard >= self._due:
            self._look(open_ - 1, now)
        return seconds > latencies.slow_after

    def is_slow(self, operation: str, seconds: float) -> bool:
        """Is it much longer than usual?"""
        latencies = self._operations.get(operation)
        return latencies is not None and seconds > latencies.slow_after

    @property
    def slow_after(self) -> float:
        """Seconds after which an answer is slow, whatever the operation."""
        known = [each.slow_after for each in self._operations.values() if each.slow_after < UNHEARD_OF]
        return max(known, default=UNKNOWN)

    # --- what is refused

    def refused(self, sent: float, open_: int, now: float) -> None:
        """The destination has said that it is too much; so many were open until then."""
        self._came_to_nothing(self._refusals.refused, sent, open_, now)

    def failed(self, sent: float, open_: int, now: float) -> None:
        """No answer in time, or one of a destination in trouble: many of them may say that it is too much."""
        self._came_to_nothing(self._refusals.failed, sent, open_, now)

    def explains(self, sent: float) -> bool:
        """A failure of what was sent then: more was open than is allowed now. It says nothing of the destination."""
        return self.adaptive and self._refusals.explains(sent)

    def _came_to_nothing(self, of: Share, sent: float, open_: int, now: float) -> None:
        if not self.adaptive:
            return
        if not self._row:
            self._row_of = open_
        self._row += 1
        left = self._row_of - self._row
        if left > 0:
            well = 0 if self._settling else self._heard
            self._refusals.heard(of, sent, now, Scene(self.limit, well, self._row, left))
        else:
            self._refusals.nothing_is_answered(sent)
        self._follow(open_ - 1)
        self.room = min(self.limit, left) if left > 0 else self.limit

    def _follow(self, open_: int, *, settle: bool = False) -> None:
        """What is open now was sent under another limit: it says nothing."""
        if settle or self.limit != self._search.limit:
            self.limit = self.room = self._search.limit
            self._begin()
            if open_ > 0:
                self._settling = True
                self._due = open_

    # --- a look

    def _look(self, open_: int, now: float) -> None:
        if self._settling:
            self._settling = False
            self._refusals.settled()
            self._begin()
            return
        at_the_limit = self.adaptive and 2 * self._full >= self._heard
        if not at_the_limit and self._heard < EVIDENCE:
            self._due = EVIDENCE  # there is no hurry
            return
        reading = read(self._operations.values())
        if at_the_limit and not self._says_enough(reading):
            self._due = 2 * self._heard
            return
        heard, full = self._heard, self._full
        self._begin()
        if self.adaptive:
            self._refusals.look(heard, now)
            self._decide(reading, open_, at_the_limit=at_the_limit, hindered=full > 0)

    def _begin(self) -> None:
        for each in self._operations.values():
            each.forget()
        self._heard = self._full = self._left_out = 0
        if self._search.races:
            self._due = max(1, self.limit // 2)
        else:
            self._due = (2 if self._search.tries else 1) * max(EVIDENCE, self.limit)

    def _says_enough(self, reading: Reading) -> bool:
        if self._search.races or self._heard >= MOST_EVIDENCE:
            return True
        return reading.error <= (SURE if self._search.tries else FAIRLY_SURE)

    def _decide(self, reading: Reading, open_: int, *, at_the_limit: bool, hindered: bool) -> None:
        if at_the_limit:
            self._follow(open_, settle=self._search.decide(reading))
            return
        if hindered:
            reading.learn()
        else:
            reading.is_the_base()
        self._follow(open_, settle=self._search.give_up_trial())
