"""Calls as a mapping would make them, to the stand-ins' pure halves."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import orjson

from worker.sandbox import wigzo, wootric
from worker.sandbox.exchange import Answer, Call

NOW = 1_800_000_000.0
JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
ORG_TOKEN = wigzo.Account().org_token
WOOTRIC = wootric.Account()


def an_event(**fields: Any) -> dict[str, Any]:
    """The body of a good learn/event; ``None`` leaves a field out."""
    body = {
        "userId": "u1",
        "eventName": "Signed Up",
        "eventval": {"plan": "pro"},
        "eventCategory": "EXTERNAL",
        "is_active": True,
        "source": "web",
    }
    return {name: value for name, value in (body | fields).items() if value is not None}


def an_identify(**fields: Any) -> dict[str, Any]:
    """The body of a good learn/identify; ``None`` leaves a field out."""
    body = {"userId": "u1", "customer_id": "u1", "is_active": True, "source": "web"}
    return {name: value for name, value in (body | fields).items() if value is not None}


def a_wigzo_call(body: Any, operation: str = "learn/event", **query: str) -> Call:
    sent = body if isinstance(body, bytes) else orjson.dumps(body)
    return Call("POST", f"/rest/v1/{operation}", list(({"org_token": ORG_TOKEN} | query).items()), JSON, sent)


def learn(vendor: wigzo.Wigzo, body: Any, operation: str = "learn/event", **query: str) -> Answer:
    return vendor.answer(vendor.hear(a_wigzo_call(body, operation, **query)), NOW)


class Caller:
    """Speaks to a Wootric of its own, logged in."""

    def __init__(self, **account: Any) -> None:
        self.wootric = wootric.Wootric(wootric.Account(**account))
        self.now = NOW
        self.log_in()

    def log_in(self, **fields: str) -> Answer:
        form = {
            "grant_type": "client_credentials",
            "client_id": WOOTRIC.client_id,
            "client_secret": WOOTRIC.client_secret,
        }
        answer = self.call("POST", "/oauth/token", body=urlencode(form | fields).encode(), headers=FORM)
        self.headers = {"authorization": f"Bearer {answer.body.get('access_token')}"}
        return answer

    def call(self, method: str, path: str, **rest: Any) -> Answer:
        return self.answer(Call(method, path, **rest))

    def answer(self, call: Call) -> Answer:
        return self.wootric.answer(self.wootric.hear(call), self.now)

    def asking(self, path: str, query: dict[str, str] | None = None) -> Call:
        return Call("GET", path, list((query or {}).items()), self.headers)

    def sending(self, method: str, path: str, *fields: tuple[str, str]) -> Call:
        return Call(method, path, (), self.headers | FORM, urlencode(fields).encode())

    def get(self, path: str, query: dict[str, str] | None = None) -> Answer:
        return self.answer(self.asking(path, query))

    def send(self, method: str, path: str, *fields: tuple[str, str]) -> Answer:
        return self.answer(self.sending(method, path, *fields))

    def create(self, **fields: str) -> Answer:
        return self.send("POST", "/v1/end_users", *fields.items())

    def eligible(self, **fields: str) -> Answer:
        return self.get("/eligible.json", {"account_token": WOOTRIC.account_token} | fields)


def message(answer: Answer) -> tuple[int, str]:
    """The status and the first sentence of an answer that says no."""
    body = answer.body
    return answer.status, body["errors"][0]["message"] if "errors" in body else body.get("error") or body["message"]
