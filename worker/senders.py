"""Requests on their way: as many at once as allowed, each answer followed by the next request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from mappings.contract import Response
from worker.core.effects import Send
from worker.core.faults import Fault, FaultKind
from worker.wires import Exchange, Transport

CUT: Final = Fault(FaultKind.CUT, written=True, detail="cut at the drain's bound")


@dataclass(slots=True, eq=False)
class Senders:
    """``take`` gives the next request, or nothing; ``heard`` is told what came of it, and wakes others as it sees fit.

    No task a request: an answer is heard in the connection's own callback, and the next request goes out in the same
    one. ``failed`` is told of any exception: a lane that lost a request must not go on half-alive.
    """

    name: str
    transport: Transport
    take: Callable[[], Send | None]
    heard: Callable[[Send, Response | Fault], None]
    failed: Callable[[BaseException], None]
    _free: int = field(default=0, init=False)
    _under_way: dict[Send, Exchange] = field(default_factory=dict, init=False)  # the oldest first

    def start(self, count: int) -> None:
        """So many at once, from now on."""
        self._free = count
        self.wake()

    def end(self) -> None:
        """Close what is under way; nothing is heard of it any more."""
        self._free = 0
        while self._under_way:
            self._under_way.popitem()[1].cut()

    @property
    def oldest(self) -> float | None:
        """When the oldest request under way was taken."""
        return next((send.sent for send in self._under_way), None)

    def wake(self) -> None:
        """Somebody may be ready: send what there is."""
        try:
            while self._free and (send := self.take()) is not None:
                self._free -= 1
                ask, answered = self.transport.ask, partial(self._answered, send)
                self._under_way[send] = ask(send.request, send.headers, answered)
        except Exception as error:  # noqa: BLE001  (whatever it is, the process must end with it)
            self.failed(error)

    def cut(self, concerns: Callable[[Send], bool]) -> None:
        """Close the connections of these requests; they are heard as cut, soon."""
        for send, exchange in self._under_way.items():
            if concerns(send):
                exchange.cut()
                asyncio.get_running_loop().call_soon(self._answered, send, CUT)

    def _answered(self, send: Send, answer: Response | Fault) -> None:
        if self._under_way.pop(send, None) is None:
            return  # ended meanwhile
        self._free += 1
        try:
            self.heard(send, answer)
        except Exception as error:  # noqa: BLE001  (as above: and here the loop would only log it)
            self.failed(error)
