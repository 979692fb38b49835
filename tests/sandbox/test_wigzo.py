"""Wigzo's stand-in: tokens, the shape of both calls, and what they leave behind."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.sandbox.calls import NOW, a_wigzo_call, an_event, an_identify, learn, message
from worker.sandbox.exchange import Answer, Call
from worker.sandbox.wigzo import Account, User, Wigzo

SUCCESS = Answer(200, {"status": "success"}, accepted=True, changed=True)


def test_events_are_kept_by_user_in_their_order() -> None:
    vendor = Wigzo()
    answers = [
        learn(vendor, an_event(eventName=name, userId=user)) for user, name in [("u1", "a"), ("u2", "b"), ("u1", "c")]
    ]
    assert [SUCCESS] * 3 == answers
    assert {"u1": ["a", "c"], "u2": ["b"]} == {
        id_: [event["eventName"] for event in user.events] for id_, user in vendor.users.items()
    }


def test_an_identify_overlays_the_profile() -> None:
    vendor = Wigzo()
    learn(vendor, an_identify(email="a@example.com", plan="free"), "learn/identify")
    learn(vendor, an_identify(plan="pro", tags=["x", "y"]), "learn/identify")
    expected = an_identify(email="a@example.com", plan="pro", tags=["x", "y"])
    assert {"u1": User(profile=expected)} == vendor.users


def test_the_state_is_plain_data_without_times() -> None:
    vendor = Wigzo()
    learn(vendor, an_event())
    events = [{"eventName": "Signed Up", "eventval": {"plan": "pro"}, "source": "web"}]
    assert {"users": {"u1": {"profile": {}, "events": events}}} == vendor.state()


def test_a_reset_forgets_everybody() -> None:
    vendor = Wigzo()
    learn(vendor, an_event())
    vendor.reset()
    assert {"users": {}} == vendor.state()


def test_nobody_is_stored_where_memory_is_bounded() -> None:
    vendor = Wigzo(keep=False)
    assert SUCCESS == learn(vendor, an_event())
    assert {"users": {}} == vendor.state()


@pytest.mark.parametrize("body", [an_event(eventval="p1"), an_event(eventval=["p1", "p2"]), an_event(eventval={})])
def test_an_event_carries_a_text_a_list_of_texts_or_an_object(body: dict[str, Any]) -> None:
    assert SUCCESS == learn(Wigzo(), body)


@pytest.mark.parametrize(
    ("body", "flaw"),
    [
        (an_event(userId=None), "userId is missing"),
        (an_event(userId=""), "userId has a wrong value"),
        (an_event(userId=7), "userId has a wrong value"),
        (an_event(eventName=None), "eventName is missing"),
        (an_event(eventval=None), "eventval is missing"),
        (an_event(eventval=18.99), "eventval has a wrong value"),
        (an_event(eventval=["p1", 2]), "eventval has a wrong value"),
        (an_event(eventCategory="INTERNAL"), "eventCategory has a wrong value"),
        (an_event(is_active=1), "is_active has a wrong value"),
        (an_event(source="server"), "source has a wrong value"),
        (an_event(timestamp="2026-01-01"), "timestamp is not a field"),
        (b"{", "the body is not JSON"),
        (b"[]", "the body must be an object"),
    ],
)
def test_an_event_of_another_shape_is_refused_by_the_fields_name(body: Any, flaw: str) -> None:
    vendor = Wigzo()
    assert Answer(400, {"status": "error", "message": flaw}) == learn(vendor, body)
    assert {} == vendor.users


@pytest.mark.parametrize(
    ("body", "flaw"),
    [
        (an_identify(userId=None), "userId is missing"),
        (an_identify(customer_id=7), "customer_id has a wrong value"),
        (an_identify(email=""), "email has a wrong value"),
        (an_identify(createdAt="soon"), "createdAt has a wrong value"),
        (an_identify(createdAt=1533310126), "createdAt has a wrong value"),
        (an_identify(address={"city": "Pune"}), "address has a wrong value"),
        (an_identify(tags=["x", ["y"]]), "tags has a wrong value"),
        (an_identify() | {"age": None}, "age has a wrong value"),
    ],
)
def test_an_identify_of_another_shape_is_refused_by_the_fields_name(body: Any, flaw: str) -> None:
    assert (400, flaw) == message(learn(Wigzo(), body, "learn/identify"))


def test_an_identify_takes_scalars_and_lists_of_scalars_under_any_name() -> None:
    body = an_identify(customer_id=None, age=31, vip=True, score=1.5, tags=["a", 1], createdAt="2018-08-03T15:28:46Z")
    assert SUCCESS == learn(Wigzo(), body, "learn/identify")


def test_a_wrong_organization_is_a_401() -> None:
    assert (401, "unknown organization token") == message(learn(Wigzo(), an_event(), org_token="another"))


def test_a_wrong_organization_can_be_a_200_that_says_no() -> None:
    expected = Answer(200, {"status": "error", "message": "unknown organization token"})
    assert expected == learn(Wigzo(Account(refusal=200)), an_event(), org_token="another")


def test_a_missing_organization_is_refused() -> None:
    vendor = Wigzo()
    call = Call("POST", "/rest/v1/learn/event")
    assert (401, "unknown organization token") == message(vendor.answer(vendor.hear(call), NOW))


def test_the_second_token_is_asked_for_only_where_the_account_has_one() -> None:
    vendor = Wigzo(Account(api_token="t"))
    assert (401, "unauthorized: unknown token") == message(learn(vendor, an_event()))
    assert SUCCESS == learn(vendor, an_event(), token="t")


def test_a_parameter_that_wigzo_does_not_know_is_refused() -> None:
    assert (400, "user is not a parameter") == message(learn(Wigzo(), an_event(), user="u1"))


def test_a_body_must_be_called_json() -> None:
    vendor = Wigzo()
    call = replace(a_wigzo_call(an_event()), headers={"content-type": "text/plain"})
    expected = (400, "Content-Type must be application/json")
    assert expected == message(vendor.answer(vendor.hear(call), NOW))


@pytest.mark.parametrize("call", [Call("POST", "/rest/v1/learn/batch"), Call("GET", "/rest/v1/learn/event")])
def test_there_are_no_other_calls(call: Call) -> None:
    vendor = Wigzo()
    assert (404, "no such call") == message(vendor.answer(vendor.hear(call), NOW))


def test_a_call_is_heard_by_all_the_users_names() -> None:
    heard = Wigzo().hear(a_wigzo_call(an_identify(customer_id="c1", email="a@example.com"), "learn/identify"))
    expected = ("wigzo", "learn/identify", "u1", frozenset({"u1", "c1", "a@example.com"}))
    assert expected == (heard.destination, heard.operation, heard.user, heard.names)


def test_a_user_id_that_is_no_text_is_nobodys() -> None:
    assert "" == Wigzo().hear(a_wigzo_call(an_event(userId=["u1"]))).user
