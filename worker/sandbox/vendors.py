"""Both vendors behind one address: their paths do not clash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson

from mappings.contract import Request, Response
from worker.sandbox import wigzo, wootric
from worker.sandbox.exchange import Answer, Call, Destination, Heard
from worker.sandbox.limits import Limit, Windows


class Vendors:
    """The stand-ins' state. ``keep=False`` stores no more than their behaviour needs.

    ``limits``: what each answers in all, the login's calls among them; over it there is a 429, and nothing is done.
    """

    def __init__(
        self, wigzo_account: wigzo.Account | None = None, wootric_account: wootric.Account | None = None, *, keep: bool
    ) -> None:
        self.wigzo = wigzo.Wigzo(wigzo_account, keep=keep)
        self.wootric = wootric.Wootric(wootric_account, keep=keep)
        self.limits: Mapping[Destination, Limit] = {}
        self._windows = Windows()

    def hear(self, call: Call) -> Heard:
        return self.wigzo.hear(call) if call.path.startswith("/rest/") else self.wootric.hear(call)

    def answer(self, heard: Heard, now: float) -> Answer:
        limit = self.limits.get(heard.destination)
        if limit is not None and (standing := self._windows.take(heard.destination, limit, now)).over:
            wait = max(1, round(standing.reset - now))
            return Answer(429, {"error": "too many requests"}, {"Retry-After": str(wait), **standing.headers})
        vendor = self.wigzo if heard.destination == "wigzo" else self.wootric
        return vendor.answer(heard, now)

    def exchange(self, request: Request, now: float) -> Response:
        """A mapping's request answered in memory: no server, no clock, no faults."""
        answer = self.answer(self.hear(call_of(request)), now)
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return Response(answer.status, headers, orjson.dumps(answer.body))

    def state(self) -> dict[str, Any]:
        return {"wigzo": self.wigzo.state(), "wootric": self.wootric.state()}

    def reset(self) -> None:
        self.wigzo.reset()
        self.wootric.reset()
        self._windows.reset()


def call_of(request: Request) -> Call:
    """A mapping's request as it would arrive."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    body = b""
    if request.form is not None:
        headers["content-type"] = "application/x-www-form-urlencoded"
        body = urlencode(request.form).encode()
    elif request.json is not None:
        headers["content-type"] = "application/json"
        body = orjson.dumps(request.json)
    return Call(request.method, urlsplit(request.url).path, list(request.query), headers, body)
