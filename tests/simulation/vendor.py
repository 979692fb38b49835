"""A model of a vendor: what it accepts, what it refuses, and the record of all that arrived."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

import orjson

from mappings.contract import Response
from tests.simulation.destination import Account
from worker.core.effects import Send
from worker.core.faults import Fault, FaultKind

Mode = Literal["up", "down", "refusing", "limited", "flaky", "page"]
Answer = Response | Fault
TIMEOUT = Fault(FaultKind.TIMEOUT, written=True)
PAGE = Response(200, {"content-type": "text/html"}, b"<!DOCTYPE html><title>back soon</title>")


@dataclass
class Vendor:
    """``sick`` users fail with 500, ``slowed`` ones with 429; poison events never go through, each in its way."""

    random: Random
    mode: Mode = "up"
    sick: dict[str, float] = field(default_factory=dict)  # since when
    slowed: dict[str, float] = field(default_factory=dict)
    poison: dict[str, int] = field(default_factory=dict)  # event id → status; 0: never answered
    accepted: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))  # user → event ids, in order
    profiles: dict[str, dict[str, Any]] = field(default_factory=lambda: defaultdict(dict))
    tokens: list[str] = field(default_factory=list)
    secret: str = "right"
    requests: int = 0
    loses_answers: bool = True
    unanswered: set[str] = field(default_factory=set)  # events that were accepted, and nobody heard of it

    def arrive(self, send: Send, account: Account) -> Answer:
        """A request arrives: its effect, and its answer."""
        self.requests += 1
        refusal = self._globally() or self._by_login(send, account)
        return refusal if refusal is not None else self._serve(send)

    def heal(self, before: float) -> None:
        """Whoever fell sick before then is well."""
        for crowd in (self.sick, self.slowed):
            for key in [key for key, since in crowd.items() if since < before]:
                del crowd[key]

    def _globally(self) -> Answer | None:
        match self.mode:
            case "down":
                return self._one_of(TIMEOUT, Fault(FaultKind.REFUSED, written=False), Response(503), PAGE)
            case "refusing":
                return Response(403)
            case "limited":
                return Response(429, {"retry-after": "7"} if self.random.random() < 0.5 else {})
            case "flaky" if self.random.random() < 0.4:
                return self._one_of(Response(403), Response(500), TIMEOUT, Response(429))
            case "page":
                return PAGE
            case _:
                return None

    def _one_of(self, *answers: Answer) -> Answer:
        return self.random.choice(answers)

    def _by_login(self, send: Send, account: Account) -> Answer | None:
        body = send.request.json or {}
        if send.request.operation == "login":
            if body["secret"] != self.secret:
                return Response(401)
            token = f"t{self.requests}"
            self.tokens.append(token)
            return _object({"token": token})
        if account.logs_in and send.headers.get("authorization") not in self.tokens:
            return Response(401)
        return None

    def _serve(self, send: Send) -> Answer:
        key = send.request.url.rsplit("/", 1)[1]
        ids = (send.request.json or {}).get("ids", [])
        for one in ids:
            if one in self.poison:
                return Response(self.poison[one]) if self.poison[one] else TIMEOUT
        if key in self.sick:
            return Response(500)
        if key in self.slowed:
            return Response(429)
        if send.request.operation == "look-up":
            return _object({"profile": self.profiles[key]})
        return self._accept(key, ids, send)

    def _accept(self, key: str, ids: list[str], send: Send) -> Answer:
        self.accepted[key].extend(ids)
        if send.request.operation == "write":
            self.profiles[key] = dict(send.request.json["profile"])
        if self.loses_answers and self.random.random() < 0.02:
            self.unanswered.update(ids)
            return TIMEOUT
        return _object({"profile": self.profiles[key]})


def _object(value: dict[str, Any]) -> Response:
    return Response(200, {}, orjson.dumps(value))
