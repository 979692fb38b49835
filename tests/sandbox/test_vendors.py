"""Both stand-ins answer a mapping's requests in memory."""

from __future__ import annotations

import json

from mappings.contract import Request, Response
from tests.sandbox.calls import NOW, ORG_TOKEN, WOOTRIC, an_event
from worker.sandbox import wootric
from worker.sandbox.limits import Limit
from worker.sandbox.vendors import Vendors

URL = "http://vendors.example"


def an_event_request(path: str = "/rest/v1/learn/event") -> Request:
    return Request("POST", URL + path, "learn/event", query=[("org_token", ORG_TOKEN)], json=an_event())


def a_login() -> Request:
    form = [
        ("grant_type", "client_credentials"),
        ("client_id", WOOTRIC.client_id),
        ("client_secret", WOOTRIC.client_secret),
    ]
    return Request("POST", f"{URL}/oauth/token", "login", form=form)


def test_a_json_request_is_answered_by_wigzo() -> None:
    vendors = Vendors(keep=True)
    assert Response(200, {}, b'{"status":"success"}') == vendors.exchange(an_event_request(), NOW)
    assert ["u1"] == list(vendors.state()["wigzo"]["users"])


def test_a_login_and_a_form_are_answered_by_wootric() -> None:
    vendors = Vendors(wootric_account=wootric.Account(limit=Limit()), keep=True)
    token = json.loads(vendors.exchange(a_login(), NOW).body or b"")["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    form = [("email", "a@example.com"), ("properties[plan]", "pro")]
    answer = vendors.exchange(Request("POST", f"{URL}/v1/end_users", "create", headers=headers, form=form), NOW)
    assert (201, "99") == (answer.status, answer.headers["x-rate-limit-remaining"])
    found = vendors.exchange(Request("GET", f"{URL}/v1/end_users/1000001", "look up", headers=headers), NOW)
    assert "a@example.com" == found.object()["email"]


def test_unknown_paths_below_rest_are_wigzos_and_the_others_wootrics() -> None:
    vendors = Vendors(keep=True)
    answers = [vendors.exchange(an_event_request(path), NOW) for path in ("/rest/other", "/other")]
    assert [{"status", "message"}, {"type", "errors"}] == [set(answer.object()) for answer in answers]


def test_a_reset_is_for_both() -> None:
    vendors = Vendors(keep=True)
    vendors.exchange(an_event_request(), NOW)
    vendors.reset()
    assert Vendors(keep=True).state() == vendors.state()
