"""What the sink saw: each event's arrivals, held against the order of its user."""

from __future__ import annotations

import time
from array import array
from dataclasses import asdict, dataclass

from bench.trouble import is_sick

MARKER = b"pb-"
MARKER_LENGTH = len(b"pb-000000000-0000000-0000000")


@dataclass(slots=True)
class Account:
    """Counts of events. Times are Unix seconds, 0 before the first request.

    ``late``       first arrivals of an event after a later one of the same user: the order is broken.
    ``overlaps``   requests that came while another of the same user was open: the order is left to luck.
    ``duplicates`` arrivals beyond an event's first.
    ``unknown``    requests without a marker of this workload.
    ``refused``    requests that were answered with an error: no arrivals.
    ``healthy``    first arrivals of those users whom no trouble is about.
    ``bytes``      the bodies of all that arrived.
    ``cpu``        seconds that the sink itself has worked, at the moment of a report.
    """

    requests: int = 0
    arrived: int = 0
    duplicates: int = 0
    late: int = 0
    overlaps: int = 0
    unknown: int = 0
    refused: int = 0
    healthy: int = 0
    bytes: int = 0
    open: int = 0
    peak_open: int = 0
    first: float = 0.0
    last: float = 0.0
    cpu: float = 0.0


@dataclass(frozen=True, slots=True)
class Gaps:
    """What did not arrive so far. ``passed_over``: a later event of the same user did. ``refused``: it was refused."""

    passed_over: int
    refused: int


class Books:
    """The sink's memory: fixed arrays, so that keeping them costs next to nothing.

    The first ``failing`` users are refused, until it is set to 0.
    """

    def __init__(self, events: int, users: int, failing: int = 0) -> None:
        self.account = Account()
        self.failing = failing
        self.stamps = array("d", bytes(8 * events))  # when each event came first, in Unix seconds; 0: not yet
        self._arrivals = array("H", bytes(2 * events))
        self._latest = array("i", [-1]) * users
        self._open = array("H", bytes(2 * users))
        self._refused = bytearray(events)

    def refuses(self, body: bytes) -> bool:
        """Whether this request's user fails at the moment; if so it is counted, and did not arrive."""
        found = self._marker(body) if self.failing else None
        if found is None or found[1] >= self.failing:
            return False
        self.account.requests += 1
        self.account.refused += 1
        return True

    def arrive(self, body: bytes, now: float) -> int | None:
        """A request came; what to give :meth:`leave` when its answer is written, ``None`` for an unknown one."""
        found = self._enter(body, now)
        if found is None:
            return None
        event, user, place = found
        account = self.account
        account.bytes += len(body)
        if self._arrivals[event]:
            account.duplicates += 1
        else:
            self.stamps[event] = now
            self._first_arrival(user, place, now)
        self._arrivals[event] += 1
        return user

    def refuse(self, body: bytes, now: float) -> int | None:
        """A request came that is answered with an error; what to give :meth:`leave`, as :meth:`arrive`."""
        found = self._enter(body, now)
        if found is None:
            return None
        event, user, _ = found
        self.account.refused += 1
        self._refused[event] = True
        return user

    def user(self, body: bytes) -> int | None:
        """Whose event it is; ``None`` for an unknown one."""
        found = self._marker(body)
        return None if found is None else found[1]

    def leave(self, user: int) -> None:
        """The answer for a request of this user is written."""
        self._open[user] -= 1
        self.account.open -= 1

    def missing(self) -> int:
        """How many events never came."""
        return len(self._arrivals) - self.account.arrived

    def gaps(self) -> Gaps:
        """Looks at every event: for the end of a run."""
        refused = sum(1 for event, given in enumerate(self._refused) if given and not self._arrivals[event])
        return Gaps(sum(self._latest) + len(self._latest) - self.account.arrived, refused)

    def report(self) -> dict[str, float]:
        """The account as JSON takes it."""
        self.account.cpu = time.process_time()
        return asdict(self.account)

    def _marker(self, body: bytes) -> tuple[int, int, int] | None:
        at = body.find(MARKER)
        if at < 0 or len(body) < at + MARKER_LENGTH:
            return None
        try:
            event, user, place = int(body[at + 3 : at + 12]), int(body[at + 13 : at + 20]), int(body[at + 21 : at + 28])
        except ValueError:
            return None
        return (event, user, place) if event < len(self._arrivals) and user < len(self._latest) else None

    def _enter(self, body: bytes, now: float) -> tuple[int, int, int] | None:
        """Its event, user and place; ``None`` for an unknown one."""
        account = self.account
        account.requests += 1
        account.first = account.first or now
        found = self._marker(body)
        if found is None:
            account.unknown += 1
            return None
        user = found[1]
        account.overlaps += self._open[user] > 0
        self._open[user] += 1
        account.open += 1
        account.peak_open = max(account.peak_open, account.open)
        return found

    def _first_arrival(self, user: int, place: int, now: float) -> None:
        account = self.account
        account.arrived += 1
        account.healthy += not is_sick(user)
        account.last = now
        if place < self._latest[user]:
            account.late += 1
        else:
            self._latest[user] = place
