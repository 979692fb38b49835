"""Golden cases: one event, the conversation about it and its outcome, as JSON; the file's name is the fact.

A case holds ``settings``, ``event`` (a Segment message), ``conversation`` (pairs of ``request``, only the fields that
differ from :class:`Request`'s defaults, and ``response``) and ``outcome``: ``{"delivered": note}``,
``{"skipped": reason}`` or ``{"rejected": reason}``. ``options`` stand in for what ``integrations`` or ``context`` of
the message say of this destination.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from mappings.contract import (
    Delivered,
    Destination,
    Flow,
    Outcome,
    Refused,
    Rejected,
    Request,
    Response,
    Skipped,
    Unmappable,
)
from tests.builders import event_of

CASES = Path(__file__).parent / "cases"
GROUP = "segment_relay.destinations"


@dataclass(frozen=True, slots=True)
class Conversation:
    """What was asked and how it ended, each request as plain JSON values."""

    requests: list[dict[str, Any]]
    outcome: dict[str, str]


def installed() -> list[str]:
    """The entry points of every destination that is installed."""
    return sorted(entry_points(group=GROUP).names)


def destination_of(name: str) -> Destination[Any]:
    """The destination behind an entry point."""
    (entry,) = entry_points(group=GROUP, name=name)
    found = entry.load()
    assert isinstance(found, Destination)
    return found


def case_files() -> list[Path]:
    """Every golden case."""
    return sorted(CASES.glob("*/*.json"))


def expected(case: Mapping[str, Any]) -> Conversation:
    """What the case says."""
    return Conversation([plain(_request(turn["request"])) for turn in case["conversation"]], case["outcome"])


def actual(case: Mapping[str, Any], destination: Destination[Any]) -> Conversation:
    """What the mapping does, given the case's event and answers."""
    event = event_of(case["event"], destination.name)
    if "options" in case:
        event = dataclasses.replace(event, options=case["options"])
    settings = destination.settings(**{name: _setting(value) for name, value in case["settings"].items()})
    answers = [response(turn["response"]) for turn in case["conversation"]]
    requests, outcome = drive(destination.translate(event, settings), answers, destination)
    return Conversation([plain(request) for request in requests], told(outcome))


def drive(flow: Flow, answers: Iterable[Response], destination: Destination[Any]) -> tuple[list[Request], Outcome]:
    """Drive a flow by the rules of the contract, as the worker does: its requests, and how it ended."""
    requests: list[Request] = []
    last: Response | None = None
    given = iter(answers)
    try:
        request = next(flow)
        while True:
            requests.append(request)
            last = next(given, None)
            assert last is not None, f"the flow asks once more than there are answers: {request.operation}"
            meant = destination.meaning(last) if destination.meaning else None
            if meant is not None:
                assert isinstance(meant, Refused), f"a flow gets final answers only, not {meant}"
                return requests, Rejected(meant.reason, meant.detail)
            request = flow.send(last)
    except StopIteration as end:
        return requests, end.value or _by_the_last(last)
    except Unmappable as fault:
        return requests, Rejected(fault.reason, fault.detail)


def _by_the_last(answer: Response | None) -> Outcome:
    if answer is None:
        return Skipped("nothing-to-send")
    return Delivered() if answer.ok else Rejected("refused", f"HTTP {answer.status}")


def told(outcome: Outcome) -> dict[str, str]:
    """An outcome as cases write it."""
    match outcome:
        case Delivered(note=note):
            return {"delivered": note}
        case Skipped(reason=reason):
            return {"skipped": reason}
        case Rejected(reason=reason):
            return {"rejected": reason}


def response(written: Mapping[str, Any]) -> Response:
    """An answer as cases write it: ``body`` is text, or any JSON value."""
    body = written.get("body", "")
    content = body if isinstance(body, str) else json.dumps(body)
    return Response(written["status"], written.get("headers", {}), content.encode())


def plain(request: Request) -> dict[str, Any]:
    """A request's fields as plain values; ``json`` as text, so that ``86`` and ``86.0`` differ."""
    values = {field.name: getattr(request, field.name) for field in dataclasses.fields(request)}
    return values | {
        "query": _pairs(request.query),
        "form": None if request.form is None else _pairs(request.form),
        "headers": dict(request.headers),
        "json": None if request.json is None else json.dumps(request.json, ensure_ascii=False, sort_keys=True),
        "invalidates": tuple(request.invalidates),
    }


def _pairs(pairs: Any) -> list[tuple[str, str]]:
    return [(name, value) for name, value in pairs]


def _request(written: Mapping[str, Any]) -> Request:
    return Request(**{"method": "GET", **written})


def _setting(value: Any) -> Any:
    return frozenset(value) if isinstance(value, list) else value
