"""One event's flow, with nothing sent: where the next request depends on an answer, likely answers are assumed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias, assert_never

from mappings.contract import Destination, Event, Outcome, Rejected, Request, Response
from worker.core.answers import EventRefused, Failed, OverLimit, SetupRefused, ToFlow, TokenRefused, verdict
from worker.core.conversation import Conversation, Ended
from worker.core.items import Assignment, Item, User
from worker.core.ledger import Ledger
from worker.core.records import Record, TopicPartition

# A look-up finds nobody, or somebody of whom little is known; whatever is asked is answered with yes.
FOUND: Final = Response(200, {}, b'{"id": 1, "email": "found@example.com", "properties": {}, "eligible": true}')
ABSENT: Final = Response(404)
ASSUMED: Final[dict[str, tuple[Response, ...]]] = {"GET": (ABSENT, FOUND), "POST": (FOUND,), "PUT": (FOUND,)}
DEEPEST: Final = 8  # requests one after another; the flow is cut there


@dataclass(frozen=True, slots=True)
class Asks:
    """A request, and what follows each answer that is assumed."""

    request: Request
    ways: tuple[tuple[Response, Node], ...]


@dataclass(frozen=True, slots=True)
class Waits:
    """The worker would try again, or hold the lane."""

    why: str


Node: TypeAlias = "Asks | Outcome | Waits"
Start: TypeAlias = Callable[[], Conversation]


def walk(start: Start, destination: Destination[object], now: float) -> Node:
    """Every way that the flow can take. ``start`` begins it anew: it is replayed for each. ``now`` is Unix seconds."""
    return _node(start, destination, now, ())


def _node(start: Start, destination: Destination[object], now: float, answers: tuple[Response, ...]) -> Node:
    step = _replay(start, answers)
    if isinstance(step, Ended):
        return step.outcomes[0]
    if len(answers) == DEEPEST:
        return Waits(f"more than {DEEPEST} requests one after another: not followed further")
    ways = [(answer, _after(start, destination, now, answers, step, answer)) for answer in ASSUMED[step.method]]
    return Asks(step, tuple(ways))


def _replay(start: Start, answers: tuple[Response, ...]) -> Request | Ended:
    conversation = start()
    step = conversation.begin()
    for answer in answers:
        step = conversation.answer(answer)
    return step


def _after(
    start: Start,
    destination: Destination[object],
    now: float,
    before: tuple[Response, ...],
    request: Request,
    answer: Response,
) -> Node:
    match meant := verdict(request, answer, destination, now):
        case ToFlow():
            return _node(start, destination, now, (*before, answer))
        case EventRefused(reason, detail):
            return Rejected(reason, detail)
        case Failed(reason):
            return Waits(f"tried again ({reason})")
        case OverLimit():
            return Waits("tried again after the vendor's limit")
        case SetupRefused(reason):
            return Waits(f"tried again; taken for a wrong set-up ({reason})")
        case TokenRefused():
            return Waits("tried again after a new login")
        case _:
            assert_never(meant)


def flow_of(event: Event, record: Record, destination: Destination[object], settings: object) -> Start:
    """How the worker would begin this event's flow."""
    assignment = Assignment(TopicPartition(record.topic, record.partition), Ledger(record.offset))
    item = Item(User(event.key, assignment), record, 0, event, arrival=0, bytes=0, alone=True)
    return lambda: Conversation((item,), destination, settings)
