"""Look-ups remembered, so that a known, unchanged user costs no request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import count
from math import inf
from typing import Final

from mappings.contract import Response
from worker.core.answer_store import BYTES, AnswerStore
from worker.core.items import Assignment

LIFETIME: Final = 86_400.0  # seconds; a request may want it fresher


class Reading:
    """A request under way whose answer may be remembered, unless a write comes in between."""

    __slots__ = ("keys", "writes")

    def __init__(self, keys: Iterable[str], *, writes: bool) -> None:
        self.keys = frozenset(keys)
        self.writes = writes


class LookupCache:
    """Answers by key, bounded and mortal. An answer dies with its ``owner``: the assignment that it was learnt under.

    A write forgets its keys when it is *sent* and sets them again by its own 2xx answer alone. Only the newest request
    for a key is remembered, and none that a write of another had in common any time with: nobody knows which of the
    two the vendor took first.
    """

    __slots__ = ("_answers", "_known", "_newest", "_numbers", "_owners", "_writing", "lifetime")

    def __init__(self, bytes: int = BYTES, lifetime: float = LIFETIME) -> None:  # noqa: A002
        self.lifetime = lifetime
        self._answers = AnswerStore(bytes)
        self._owners: dict[Assignment, int] = {}  # with the number that their answers are kept under
        self._known: set[int] = set()  # those numbers
        self._numbers = count()  # none is given twice: what an assignment has left behind is nobody's
        self._newest: dict[str, Reading] = {}  # by key: whose answer may be remembered
        self._writing: Counter[str] = Counter()  # by key: writes under way

    def get(self, key: str, now: float, max_age: float = inf) -> Response | None:
        """The remembered answer, if it is still good: status, body, and its age in whole seconds as a header."""
        found = self._answers.get(key)
        if found is None or found.owner not in self._known:
            return None
        age = now - found.since
        if age >= self.lifetime or age >= max_age:
            return None
        return Response(found.status, {"age": str(int(age))}, found.body)

    def look_up(self, key: str) -> Reading:
        """A look-up is sent."""
        reading = Reading((key,), writes=False)
        if key not in self._writing:
            self._newest[key] = reading
        return reading

    def write(self, keys: Iterable[str]) -> Reading:
        """A write is sent: its keys are forgotten."""
        reading = Reading(keys, writes=True)
        self.forget(reading.keys)
        for key in reading.keys:
            if key in self._writing:
                self._newest.pop(key, None)
            else:
                self._newest[key] = reading
            self._writing[key] += 1
        return reading

    def forget(self, keys: Iterable[str]) -> None:
        """What was known under these keys is old."""
        for key in keys:
            self._answers.drop(key)

    def answered(self, reading: Reading, response: Response | None, owner: Assignment, now: float) -> None:
        """The answer to what was sent; ``None`` for anything but a 2xx, which is not remembered.

        Each ``Reading`` is answered once. What comes back for an assignment that has ended is not remembered either.
        """
        learnt = []
        for key in reading.keys:
            if reading.writes:
                self._written(key)
            if self._newest.get(key) is reading:
                del self._newest[key]
                learnt.append(key)
        if learnt and response is not None and not owner.gone:
            self._answers.put(learnt, response, self._number_of(owner), now)

    def disown(self, owner: Assignment) -> None:
        """An assignment has ended: another worker may write now."""
        self._known.discard(self._owners.pop(owner, -1))

    def _written(self, key: str) -> None:
        self._writing[key] -= 1
        if not self._writing[key]:
            del self._writing[key]

    def _number_of(self, owner: Assignment) -> int:
        if owner not in self._owners:
            self._owners[owner] = next(self._numbers)
            self._known.add(self._owners[owner])
        return self._owners[owner]
