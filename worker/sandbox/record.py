"""What arrived: every call in its order, without tokens, and how it was answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from worker.sandbox.exchange import Destination, Heard, Pairs, without_secrets


@dataclass(slots=True)
class Arrival:
    """One call. ``time`` is in Unix seconds; ``body`` the parsed body of a vendor's own call.

    ``status`` is ``None`` while the call is open and where no answer was given. ``accepted``: the vendor did what was
    asked, even if its answer was lost. ``overlap``: how many other calls about the same user at the same destination
    were open when it came. ``lasted``: seconds until it was over, ``None`` while it is open. ``fault`` names what was
    done wrong on purpose, or is empty.
    """

    number: int
    time: float
    destination: Destination
    operation: str
    user: str
    method: str
    path: str
    query: Pairs
    body: Any
    overlap: int
    open: bool = True
    status: int | None = None
    accepted: bool = False
    changed: bool = False
    fault: str = ""
    lasted: float | None = None


class Record:
    """The calls of all destinations. ``keep=False`` counts only: for runs without an end."""

    def __init__(self, *, keep: bool = True) -> None:
        self._keep = keep
        self._open: Counter[tuple[str, str]] = Counter()
        self._number = 0
        self.reset()

    def reset(self) -> None:
        """Forget what arrived; what is open now is never shown nor counted. Numbers go on."""
        self._arrivals: list[Arrival] = []
        self._forgotten = self._number
        self._overlaps: Counter[str] = Counter()
        self._accepted: Counter[str] = Counter()
        self._answered: Counter[tuple[str, str, str]] = Counter()

    def arrive(self, heard: Heard, now: float) -> Arrival:
        """A call has come; :meth:`leave` must follow."""
        call = heard.call
        self._number += 1
        arrival = Arrival(
            number=self._number,
            time=now,
            destination=heard.destination,
            operation=heard.operation,
            user=heard.user,
            method=call.method,
            path=call.path,
            query=without_secrets(call.query),
            body=heard.body,
            overlap=self._enter(heard.destination, heard.user),
        )
        if self._keep:
            self._arrivals.append(arrival)
        return arrival

    def _enter(self, destination: str, user: str) -> int:
        if not user:
            return 0
        others = self._open[destination, user]
        self._open[destination, user] = others + 1
        self._overlaps[destination] += others > 0
        return others

    def leave(self, arrival: Arrival) -> None:
        """The call is over: what is to be known of it has been written into it."""
        arrival.open = False
        who = (arrival.destination, arrival.user)
        if arrival.user:
            self._open[who] -= 1
            if not self._open[who]:
                del self._open[who]  # else there would be an entry for everybody who ever came
        if arrival.number > self._forgotten:
            self._count(arrival)

    def _count(self, arrival: Arrival) -> None:
        status = str(arrival.status) if arrival.status is not None else "none"
        self._answered[arrival.destination, arrival.operation, status] += 1
        self._accepted[arrival.destination] += arrival.accepted

    def arrivals(
        self, destination: Destination | None = None, *, user: str | None = None, since: int = 0
    ) -> Iterator[Arrival]:
        """Those with a number above ``since``, in order."""
        for arrival in islice(self._arrivals, max(since - self._forgotten, 0), None):
            if destination in (None, arrival.destination) and user in (None, arrival.user):
                yield arrival

    def counts(self) -> dict[str, Any]:
        """How many calls came, are open, were accepted, overlapped, and how they were answered; always cheap."""
        answered = [
            {"destination": destination, "operation": operation, "status": status, "calls": calls}
            for (destination, operation, status), calls in sorted(self._answered.items())
        ]
        return {
            "arrived": self._number - self._forgotten,
            "open": self._open.total(),
            "accepted": dict(self._accepted),
            "overlaps": dict(self._overlaps),
            "answered": answered,
        }
