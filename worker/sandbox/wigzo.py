"""A stand-in of Wigzo: two calls, checked to the letter, and what they leave behind.

Wigzo's answers are not documented; ours are what its clients treat as success and failure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

import orjson

from worker.sandbox.exchange import UNKNOWN, Answer, Call, Heard, done

EVENT: Final = "learn/event"
IDENTIFY: Final = "learn/identify"
_OPERATIONS: Final = {("POST", f"/rest/v1/{name}"): name for name in (EVENT, IDENTIFY)}


@dataclass(frozen=True, slots=True)
class Account:
    """Which tokens are right. ``refusal``: how a wrong one is answered, a 401 or the 200 with a status that says no."""

    org_token: str = field(default="sandbox-org-token", repr=False)
    api_token: str | None = field(default=None, repr=False)
    refusal: Literal[401, 200] = 401


@dataclass(slots=True)
class User:
    """One user: what was last said of it, and its events in the order in which they came."""

    profile: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)


class Wigzo:
    """The account's state. ``keep=False`` stores nobody: for runs whose users and events have no bound."""

    def __init__(self, account: Account | None = None, *, keep: bool = True) -> None:
        self.account = account or Account()
        self.users: dict[str, User] = {}
        self._keep = keep

    def hear(self, call: Call) -> Heard:
        operation = _OPERATIONS.get((call.method, call.path), UNKNOWN)
        if operation is UNKNOWN:
            return Heard(call, "wigzo", UNKNOWN)
        if not call.is_of_type("application/json"):
            return Heard(call, "wigzo", operation, flaw="Content-Type must be application/json")
        try:
            body = orjson.loads(call.body)
        except orjson.JSONDecodeError:
            return Heard(call, "wigzo", operation, flaw="the body is not JSON")
        if not isinstance(body, dict):
            return Heard(call, "wigzo", operation, body=body, flaw="the body must be an object")
        names = frozenset(n for n in map(body.get, ("userId", "customer_id", "email")) if isinstance(n, str) and n)
        user = body.get("userId")
        return Heard(call, "wigzo", operation, user if isinstance(user, str) else "", names, body)

    def answer(self, heard: Heard, now: float) -> Answer:  # noqa: ARG002  (the vendors' common shape; nothing here expires)
        if heard.operation is UNKNOWN:
            return _failure(404, "no such call")
        if refused := self._wrong_token(heard.call):
            return _failure(self.account.refusal, refused)
        if flaw := heard.flaw or _flaw_of_query(heard.call) or _flaw(heard.operation, heard.body):
            return _failure(400, flaw)
        if self._keep:
            self._learn(heard)
        return done({"status": "success"})

    def _wrong_token(self, call: Call) -> str:
        given = dict(call.query)
        if given.get("org_token") != self.account.org_token:
            return "unknown organization token"
        if self.account.api_token is not None and given.get("token") != self.account.api_token:
            return "unauthorized: unknown token"
        return ""

    def _learn(self, heard: Heard) -> None:
        user = self.users.setdefault(heard.user, User())
        if heard.operation == IDENTIFY:
            user.profile.update(heard.body)
        else:
            user.events.append({name: heard.body[name] for name in ("eventName", "eventval", "source")})

    def state(self) -> dict[str, Any]:
        """Everything that calls have left, without any time: two runs that say the same leave the same."""
        return {"users": {id_: {"profile": u.profile, "events": u.events} for id_, u in self.users.items()}}

    def reset(self) -> None:
        self.users.clear()


def _failure(status: int, message: str) -> Answer:
    return Answer(status, {"status": "error", "message": message})


# --- The shape of both calls: a checker says whether a value will do


def _text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _event_value(value: Any) -> bool:
    return isinstance(value, dict) or _text(value) or (isinstance(value, list) and all(map(_text, value)))


def _moment(value: Any) -> bool:
    try:
        datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return False
    return True


def _trait(value: Any) -> bool:
    """A scalar or a list of scalars: no nesting, and nothing that is null."""
    members = value if isinstance(value, list) else [value]
    return all(isinstance(member, str | int | float) for member in members)


_Fields = Mapping[str, Callable[[Any], bool]]
_COMMON: Final[_Fields] = {
    "userId": _text,
    "is_active": lambda value: value is True,
    "source": lambda value: value in ("app", "web"),
}
_REQUIRED: Final[Mapping[str, _Fields]] = {
    EVENT: {
        **_COMMON,
        "eventName": _text,
        "eventval": _event_value,
        "eventCategory": lambda value: value == "EXTERNAL",
    },
    IDENTIFY: _COMMON,
}
_OPTIONAL: Final[_Fields] = {
    "email": _text,
    "phone": _text,
    "fullName": _text,
    "customer_id": _text,
    "createdAt": _moment,
}


def _flaw_of_query(call: Call) -> str:
    unknown = sorted({name for name, _ in call.query} - {"org_token", "token"})
    return f"{unknown[0]} is not a parameter" if unknown else ""


def _flaw(operation: str, body: Mapping[str, Any]) -> str:
    """What is wrong with a body, naming the field and never its value; empty where all is well."""
    required = _REQUIRED[operation]
    for name, is_good in required.items():
        if name not in body:
            return f"{name} is missing"
        if not is_good(body[name]):
            return f"{name} has a wrong value"
    for name, value in body.items():
        if name in required:
            continue
        if operation == EVENT:
            return f"{name} is not a field"
        if not _OPTIONAL.get(name, _trait)(value):
            return f"{name} has a wrong value"
    return ""
