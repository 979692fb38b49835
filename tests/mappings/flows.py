"""Any destination's flows, driven by the contract's rules through whatever a vendor may say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from mappings.contract import (
    Credentials,
    Delivered,
    Destination,
    Event,
    Limited,
    Refused,
    Rejected,
    Request,
    Response,
    Skipped,
    Transient,
    Unmappable,
    WrongSetup,
)

LONGEST_FLOW = 12  # requests

OBJECT = {
    "id": 7,
    "email": "a@b.example",
    "external_id": "u1",
    "phone_number": "+15550100",
    "properties": {"plan": "free"},
    "status": "success",
    "eligible": True,
    "details": {"code": 100, "why": "yes"},
    "access_token": "access",
    "expires_in": 7200,
}
TAKEN = {"type": "error_list", "errors": [{"status": "invalid", "message": "Email has already been taken"}]}


def an_answer(status: int, body: object = "") -> Response:
    return Response(status, {}, body.encode() if isinstance(body, str) else orjson.dumps(body))


# What a vendor may say, request by request; the last answer is repeated.
SCRIPTS: Mapping[str, Sequence[Response]] = {
    "yes": [an_answer(200, OBJECT)],
    "an empty object": [an_answer(200, {})],
    "an odd object": [an_answer(200, {"id": "x", "properties": "{}", "eligible": "no", "details": 5, "status": None})],
    "unknown, then created": [an_answer(404, {}), an_answer(201, OBJECT)],
    "unknown": [an_answer(404, "nobody")],
    "bad": [an_answer(400, "bad")],
    "invalid": [an_answer(422, TAKEN)],
    "unknown, then taken": [an_answer(404), an_answer(422, TAKEN), an_answer(200, OBJECT)],
    "yes, then gone": [an_answer(200, OBJECT), an_answer(404), an_answer(200, OBJECT), an_answer(422, TAKEN)],
}
# Never a mapping's to see where an object is promised; for the others it is an answer like any.
WITHOUT_OBJECT: Mapping[str, Sequence[Response]] = {
    "no body": [an_answer(204)],
    "text": [an_answer(200, "thanks")],
    "a list": [an_answer(200, [OBJECT])],
    "a body too large": [Response(200, body=None)],
}
ODD_BODIES = (
    *(None, b"", b"null", b"[]", b"5", b'"x"', b"<html>", b"\xff", b"[" * 9000),
    *(b'{"status"', b'{"status":{"a":[1]}}', b'{"errors":[5]}', b'{"error":{}}', b'{"status":"error","errors":null}'),
    b'{"status":"error","message":"unknown organization token"}',
)
ODD_HEADERS: Sequence[Mapping[str, str]] = (
    {},
    {"x-rate-limit-remaining": "", "x-rate-limit-reset": "soon", "retry-after": "x"},
    {"x-rate-limit-remaining": "nan", "x-rate-limit-reset": "-1", "retry-after": "9" * 400},
    {"x-rate-limit-remaining": "0", "x-rate-limit-reset": "1e999", "retry-after": "-5"},
    {"x-rate-limit-remaining": "٣", "x-rate-limit-reset": "²", "retry-after": "١"},
    {"x-rate-limit-remaining": "9" * 5000, "x-rate-limit-reset": "9" * 5000},
)
ODD_ANSWERS = [
    Response(status, headers, body)
    for status in (200, 204, 301, 400, 401, 403, 404, 422, 429, 500, 503)
    for body in ODD_BODIES
    for headers in ODD_HEADERS
]


def scripts() -> dict[str, Sequence[Response]]:
    """All of them."""
    return {**SCRIPTS, **WITHOUT_OBJECT}


@dataclass(frozen=True, slots=True)
class Told:
    """One flow's whole course: what was asked, the words of its end, and whatever text it gave for people."""

    requests: list[Request]
    reasons: tuple[str, ...] = ()
    details: tuple[str, ...] = ()


def course(flow: Any, script: Sequence[Response], destination: Destination[Any]) -> Told:
    """Drive any flow of a destination through a script, by the contract's rules."""
    requests: list[Request] = []
    try:
        request = next(flow)
        while True:
            requests.append(request)
            assert len(requests) <= LONGEST_FLOW, "the flow does not come to an end"
            answer = script[min(len(requests), len(script)) - 1]
            if request.promises_object and answer.ok and not isinstance(answer.json(), dict):
                return Told(requests)
            match destination.meaning(answer) if destination.meaning else None:
                case Refused(reason, detail) | WrongSetup(reason, detail):
                    return Told(requests, (reason,), (detail,))
                case Transient() | Limited():
                    return Told(requests)
            request = flow.send(answer)
    except StopIteration as end:
        return Told(requests, *_words(end.value))
    except Unmappable as fault:
        return Told(requests, (fault.reason,), (fault.detail,))


def _words(outcome: object) -> tuple[tuple[str, ...], tuple[str, ...]]:
    match outcome:
        case None:
            return (), ()
        case Delivered(note, detail):
            return ((note,) if note else ()), (detail,)
        case Skipped(reason):
            return (reason,), ()
        case Rejected(reason, detail):
            return (reason,), (detail,)
        case Credentials():
            return (), (repr(outcome),)
        case tuple():
            return tuple(one.note for one in outcome if one.note), tuple(one.detail for one in outcome)
    raise AssertionError(f"{type(outcome).__name__} is no outcome")


@dataclass(frozen=True, slots=True)
class Setup:
    """A destination in one of its set-ups. ``secrets`` are the values that must show nowhere."""

    destination: Destination[Any]
    settings: Any
    secrets: tuple[str, ...]

    def run(self, event: Event, script: Sequence[Response]) -> Told:
        """One event's flow, driven through a script."""
        return course(self.destination.translate(event, self.settings), script, self.destination)
