"""One flow, step by step: request, answer, … outcome. It knows nothing of retries: it is given final answers only."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from mappings.contract import Delivered, Destination, Outcome, Rejected, Request, Response, Skipped, Unmappable
from worker.core.items import Item, UserState, head_events

MOST_REQUESTS: Final = 1_000  # in one flow: one that never ends, with answers from memory, would stop the process
Steps: TypeAlias = Generator[Request, Response, Any]


@dataclass(frozen=True, slots=True)
class Ended:
    """A flow's end: one outcome an event. ``error`` is the mapping's own fault, for the log."""

    outcomes: tuple[Outcome, ...]
    error: Exception | None = None


NOTHING_TO_SEND: Final = Skipped("nothing-to-send")
DELIVERED: Final = Ended((Delivered(),))  # nearly every flow's end


class Conversation:
    """One flow of one user: its events, the request that is due, and what has been said so far.

    ``restart`` throws away what was said and begins at the first request: for a flow that slept too long.
    """

    __slots__ = (
        "answers",
        "destination",
        "generation",
        "items",
        "last_status",
        "looked_up",
        "probe",
        "request",
        "requests",
        "sent_first",
        "settings",
        "slept_since",
        "steps",
        "user",
        "wrote",
    )

    def __init__(self, items: tuple[Item, ...], destination: Destination[Any], settings: object) -> None:
        self.items = items
        self.user = items[0].user  # whom it serves
        self.destination = destination
        self.settings = settings
        self.probe = False
        self.generation = 0  # of its request that is under way (worker.core.slow_users)
        self.restart()

    def restart(self) -> None:
        """Back to before the first request."""
        self.steps: Steps | None = None
        self.request: Request | None = None
        self.requests = 0  # yielded
        self.last_status: int | None = None  # of its answers: bodies would fill the memory while it sleeps
        self.answers = 0  # heard from the vendor, and given to the flow
        self.sent_first: float | None = None
        self.slept_since: float | None = None
        self.looked_up: list[str] = []
        self.wrote = False  # a request that changes something was answered: what is cut now may be repeated

    @property
    def is_merge(self) -> bool:
        """It serves several events at once."""
        return len(self.items) > 1

    @property
    def is_under_way(self) -> bool:
        """Its request is with the vendor. (One that waits to be sent, or sleeps, has a time since when.)"""
        return self.user.state is UserState.OPEN and self.slept_since is None

    def begin(self) -> Request | Ended:
        """The first request, or the end of a flow that needs none."""
        try:
            self.steps = self._translated()
        except Unmappable as fault:
            return self._ended(Rejected(fault.reason, fault.detail))
        except StopIteration:
            # As in generators (PEP 479): a plain function's stray one must not read as a flow with nothing to send.
            return self._bug(RuntimeError("the mapping raised StopIteration"))
        except Exception as error:  # noqa: BLE001  (a stranger's mapping may raise anything: its event pays, not the lane)
            return self._bug(error)
        return self._step(None)

    def answer(self, response: Response) -> Request | Ended:
        """What follows ``response``."""
        self.last_status = response.status
        return self._step(response)

    def _translated(self) -> Steps:
        if len(self.items) == 1:
            return self.destination.translate(self.items[0].event, self.settings)
        assert self.destination.merge is not None  # noqa: S101  (several events are only ever joined by it)
        return self.destination.merge.translate(head_events(self.items), self.settings)

    def _step(self, response: Response | None) -> Request | Ended:
        assert self.steps is not None  # noqa: S101  (an answer follows a request)
        try:
            request: Any = next(self.steps) if response is None else self.steps.send(response)
        except StopIteration as end:
            return self._ended(end.value)
        except Unmappable as fault:
            return self._ended(Rejected(fault.reason, fault.detail))
        except Exception as error:  # noqa: BLE001  (a stranger's mapping may raise anything: its event pays, not the lane)
            return self._bug(error)
        if not isinstance(request, Request):
            return self._bug(TypeError(f"the flow yielded {type(request).__name__}"))
        self.requests += 1
        if self.requests > MOST_REQUESTS:
            return self._bug(RuntimeError(f"more than {MOST_REQUESTS} requests in one flow"))
        self.request = request
        return request

    def _ended(self, said: object) -> Ended:
        match said:
            case None:
                return self._by_the_last_answer()
            case Delivered(str()) | Skipped(str()) | Rejected(str(), str()):
                return self.all_get(said)
            case tuple() if len(said) == len(self.items) and all(map(_is_delivered, said)):
                return Ended(said)
            case _:
                return self._bug(TypeError(f"the flow returned {type(said).__name__}"))

    def _bug(self, error: Exception) -> Ended:
        return Ended((Rejected("bug", type(error).__name__),) * len(self.items), error)

    def all_get(self, outcome: Outcome) -> Ended:
        """The flow ends with one outcome for every event."""
        return Ended((outcome,) * len(self.items))

    def _by_the_last_answer(self) -> Ended:
        status = self.last_status
        if status is None:
            return self.all_get(NOTHING_TO_SEND)
        if 200 <= status < 300:
            return DELIVERED if len(self.items) == 1 else self.all_get(DELIVERED.outcomes[0])
        return self.all_get(Rejected("refused", f"HTTP {status}"))


def _is_delivered(one: object) -> bool:
    # Not every text is one: a vendor's JSON, handed on unseen, may be anything.
    return isinstance(one, Delivered) and isinstance(one.note, str)
