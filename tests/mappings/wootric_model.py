"""Wootric in memory, and a worker that remembers look-ups: enough to count requests and to compare what is left."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import unquote, urlsplit

from mappings.contract import Delivered, Event, Outcome, Rejected, Request, Response, Unmappable
from mappings.wootric.merge import MERGE
from mappings.wootric.settings import Account
from mappings.wootric.translate import translate

LOOKED_UP = {"lookup_by_external_id": "external_id", "lookup_by_email": "email"}
NAMES = ("email", "phone_number", "external_id")


@dataclass
class Wootric:
    """End users by their numeric id. ``replaces``: an update's properties replace those that are there."""

    replaces: bool
    end_users: dict[int, dict[str, Any]] = field(default_factory=dict)
    checks: list[tuple[tuple[str, str], ...]] = field(default_factory=list)

    def add(self, **fields: Any) -> None:
        empty = dict.fromkeys((*NAMES, "external_created_at"))
        self.end_users[len(self.end_users) + 1] = {"properties": {}, **empty, **fields}

    def answer(self, request: Request) -> Response:
        match request.operation:
            case "end-users/look-up":
                return self._look_up(request)
            case "end-users/create":
                return self._write(None, request)
            case "end-users/update":
                return self._write(int(request.url.rpartition("/")[2]), request)
            case _:
                assert request.operation == "eligible"
                self.checks.append(tuple(request.query))
                return _answer(200, {"eligible": len(self.checks) % 2 == 0, "details": {"code": "c"}})

    def _look_up(self, request: Request) -> Response:
        kind = LOOKED_UP[request.query[0][0]] if request.query else "phone_number"
        name = unquote(urlsplit(request.url).path.rpartition("/")[2])
        found = self._holder(kind, name)
        return self._told(found) if found else _answer(404, {"error": "not found"})

    def _write(self, id_: int | None, request: Request) -> Response:
        said: dict[str, Any] = {"properties": {}}
        for name, value in request.form or ():
            if name.startswith("properties["):
                said["properties"][name[11:-1]] = value
            else:
                said[name] = value
        for name in NAMES:
            if name in said and self._holder(name, said[name]) not in (None, id_):
                return _answer(422, {"error": f"Validation failed: {name.replace('_', ' ')} has already been taken"})
        if id_ is None:
            self.add()
            id_ = len(self.end_users)
        kept = {} if self.replaces and said["properties"] else self.end_users[id_]["properties"]
        self.end_users[id_] = {**self.end_users[id_], **said, "properties": {**kept, **said["properties"]}}
        return self._told(id_)

    def _holder(self, kind: str, name: str) -> int | None:
        """Whose it is; addresses are one whatever their case."""
        held = {id_: user[kind] or "" for id_, user in self.end_users.items()}
        return next((id_ for id_, value in held.items() if value.lower() == name.lower()), None)

    def _told(self, id_: int) -> Response:
        return _answer(200, {"id": id_, **self.end_users[id_]})


class Vendor(Protocol):
    """Whoever answers: the model, or the sandbox."""

    def answer(self, request: Request) -> Response: ...


V = TypeVar("V", bound=Vendor)


@dataclass
class Worker(Generic[V]):
    """Drives flows as the worker does, with its memory of look-ups. ``sent`` are the requests that really went out."""

    vendor: V
    account: Account
    memory: dict[str, Response] = field(default_factory=dict)
    sent: list[Request] = field(default_factory=list)

    def singly(self, events: Iterable[Event]) -> list[Outcome]:
        return [self._drive([event]) for event in events]  # type: ignore[misc]  # one event has one outcome

    def merged(self, events: Sequence[Event]) -> list[Outcome]:
        """As one flow where they may be one; one by one where it is not delivered."""
        if len(events) == 1 or not may_merge(events, self.account):
            return self.singly(events)
        match self._drive(events):
            case tuple() as outcomes:
                assert len(outcomes) == len(events)
                return list(outcomes)
            case _:
                return self.singly(events)

    def _drive(self, events: Sequence[Event]) -> Outcome | tuple[Delivered, ...] | None:
        one = len(events) == 1
        flow = translate(events[0], self.account) if one else MERGE.translate(events, self.account)
        try:
            request = next(flow)
            while True:
                request = flow.send(self._ask(request))
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        except Unmappable as fault:
            return Rejected(fault.reason, fault.detail)

    def _ask(self, request: Request) -> Response:
        remembered = self.memory.get(request.cached_as or "")
        if remembered is not None and request.max_age:
            return remembered
        self.sent.append(request)
        for key in request.invalidates:
            self.memory.pop(key, None)
        answer = self.vendor.answer(request)
        if answer.ok:
            keys = request.invalidates or filter(None, [request.cached_as])
            self.memory.update(dict.fromkeys(keys, answer))
        return answer


def may_merge(events: Sequence[Event], account: Account) -> bool:
    return all(MERGE.together(events[:index], events[index], account) for index in range(1, len(events)))


def _answer(status: int, body: dict[str, Any]) -> Response:
    return Response(status, body=json.dumps(body).encode())
