"""Wootric's stand-in: end users are looked up, created and updated."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.sandbox.calls import FORM, JSON, NOW, Caller, message

FIRST = 1_000_001
EXTERNAL = {"lookup_by_external_id": "true"}
EMAIL = {"lookup_by_email": "true"}
NOT_FOUND = {
    "type": "error_list",
    "errors": [{"status": "record_not_found", "message": "The record could not be found", "field": None}],
}


def an_end_user(**fields: Any) -> dict[str, Any]:
    """As the vendor answers one that was created at NOW."""
    return {
        "id": FIRST,
        "email": None,
        "phone_number": None,
        "external_id": None,
        "external_created_at": None,
        "properties": {},
        "created_at": "2027-01-15 08:00:00 +0000",
        "updated_at": "2027-01-15 08:00:00 +0000",
        "last_surveyed": None,
        "page_views_count": 0,
    } | fields


def test_an_end_user_is_created_from_a_form() -> None:
    answer = Caller().send(
        "POST",
        "/v1/end_users",
        ("email", "a@example.com"),
        ("phone_number", "+15550101"),
        ("external_id", "u1"),
        ("external_created_at", "1533310126"),
        ("properties[plan]", "pro"),
        ("properties[seats_amount]", "3"),
    )
    expected = an_end_user(
        email="a@example.com",
        phone_number="+15550101",
        external_id="u1",
        external_created_at=1533310126,
        properties={"plan": "pro", "seats_amount": "3"},
    )
    assert (201, expected, True) == (answer.status, answer.body, answer.changed)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("u1", EXTERNAL),
        ("a%40example.com", EMAIL),
        ("A%40EXAMPLE.com", EMAIL),
        ("phone_number/+15550101", {}),
        ("phone_number/%2B15550101", {}),
        (str(FIRST), {}),
    ],
)
def test_an_end_user_is_found_by_every_name(path: str, query: dict[str, str]) -> None:
    caller = Caller()
    created = caller.create(email="a@example.com", phone_number="+15550101", external_id="u1")
    found = caller.get(f"/v1/end_users/{path}", query)
    assert (200, created.body, False) == (found.status, found.body, found.changed)


@pytest.mark.parametrize("id_", ["a/b", "ü ", "50%", "17"])
def test_an_external_id_may_be_any_text(id_: str) -> None:
    caller = Caller()
    caller.create(email="a@example.com", external_id=id_)
    assert id_ == caller.get(f"/v1/end_users/{quote(id_, safe='')}", EXTERNAL).body["external_id"]


@pytest.mark.parametrize(
    ("path", "query"), [("u1", EXTERNAL), ("a@example.com", EMAIL), ("phone_number/+15550101", {}), ("17", {})]
)
def test_an_unknown_end_user_is_a_404(path: str, query: dict[str, str]) -> None:
    answer = Caller().get(f"/v1/end_users/{path}", query)
    assert (404, NOT_FOUND) == (answer.status, answer.body)


@pytest.mark.parametrize(
    ("path", "query", "why"),
    [
        ("u1", EXTERNAL | EMAIL, "Look up by one name at a time"),
        ("u1", {"lookup_by_email": "false"}, "Look up by one name at a time"),
        ("phone_number/+15550101", EMAIL, "Look up by one name at a time"),
        ("u1", {"by": "external_id"}, "by is not a field of this call"),
        ("phone_number/15550101", {}, "phone_number must begin with + and have digits only"),
    ],
)
def test_a_look_up_of_another_shape_is_refused(path: str, query: dict[str, str], why: str) -> None:
    assert (400, why) == message(Caller().get(f"/v1/end_users/{path}", query))


def test_an_end_user_needs_an_email_or_a_phone() -> None:
    caller = Caller()
    refused = (400, "Validation failed: Email or phone number can't be blank")
    assert refused == message(caller.create(external_id="u1"))
    assert 201 == caller.create(phone_number="+15550101").status


@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"email": "A@example.com"}, "Email has already been taken"),
        ({"email": "b@example.com", "external_id": "u1"}, "External id has already been taken"),
        ({"phone_number": "+15550101"}, "Phone number has already been taken"),
    ],
)
def test_a_name_belongs_to_one_end_user(fields: dict[str, str], why: str, status: int) -> None:
    caller = Caller(taken_status=status)
    caller.create(email="a@example.com", phone_number="+15550101", external_id="u1")
    assert (status, f"Validation failed: {why}") == message(caller.create(**fields))
    other = caller.create(email="other@example.com").body["id"]
    update = caller.send("PUT", f"/v1/end_users/{other}", *fields.items())
    assert (status, f"Validation failed: {why}") == message(update)


def test_an_end_user_keeps_its_own_name() -> None:
    caller = Caller()
    caller.create(email="a@example.com")
    assert 200 == caller.send("PUT", f"/v1/end_users/{FIRST}", ("email", "A@example.com")).status


def test_a_name_that_was_given_up_is_free() -> None:
    caller = Caller()
    caller.create(email="a@example.com")
    caller.send("PUT", f"/v1/end_users/{FIRST}", ("email", "b@example.com"))
    assert 404 == caller.get("/v1/end_users/a@example.com", EMAIL).status
    assert 201 == caller.create(email="a@example.com").status


@pytest.mark.parametrize(("properties", "kept"), [("replace", {}), ("merge", {"plan": "free", "city": "Pune"})])
def test_an_update_replaces_or_merges_properties_as_told(properties: str, kept: dict[str, str]) -> None:
    caller = Caller(properties=properties)
    caller.send(
        "POST",
        "/v1/end_users",
        ("email", "a@example.com"),
        ("properties[plan]", "free"),
        ("properties[city]", "Pune"),
    )
    caller.now = NOW + 60
    answer = caller.send("PUT", f"/v1/end_users/{FIRST}", ("properties[plan]", "pro"), ("external_id", "u1"))
    expected = an_end_user(
        email="a@example.com",
        external_id="u1",
        properties=kept | {"plan": "pro"},
        updated_at="2027-01-15 08:01:00 +0000",
    )
    assert (200, expected, True) == (answer.status, answer.body, answer.changed)


def test_an_update_without_properties_leaves_them() -> None:
    caller = Caller(properties="replace")
    caller.send("POST", "/v1/end_users", ("email", "a@example.com"), ("properties[plan]", "free"))
    assert {"plan": "free"} == caller.send("PUT", f"/v1/end_users/{FIRST}", ("external_id", "u1")).body["properties"]


def test_an_update_of_nothing_is_refused() -> None:
    caller = Caller()
    caller.create(email="a@example.com")
    assert (400, "There is nothing to update") == message(caller.send("PUT", f"/v1/end_users/{FIRST}"))


def test_an_update_of_nobody_is_a_404() -> None:
    assert NOT_FOUND == Caller().send("PUT", "/v1/end_users/7", ("email", "a@example.com")).body


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("email", "nobody", "email must be an e-mail address"),
        ("phone_number", "15550101", "phone_number must begin with + and have digits only"),
        ("external_id", "", "external_id must be text"),
        ("external_created_at", "1533310126493", "external_created_at must be Unix seconds"),
        ("last_surveyed", "1533310126", "last_surveyed is not a field of this call"),
        ("email[]", "a@example.com", "email must be an e-mail address"),
        ("properties", "x", "properties must be keys and values"),
        ("properties[a.b]", "x", "properties has a key with $, . or NUL"),
        ("properties[a$b]", "x", "properties has a key with $, . or NUL"),
        ("properties[a\0b]", "x", "properties has a key with $, . or NUL"),
        ("properties[a][b]", "x", "properties has a nested value"),
        ("properties[mrr_amount]", "4.5", "properties has a key with _amount whose value must be an integer"),
        ("properties[seen_date]", "2026-01-01", "properties has a key with _date whose value must be Unix seconds"),
    ],
)
def test_a_wrong_field_is_refused_by_its_name(name: str, value: str, why: str) -> None:
    caller = Caller()
    assert (400, why) == message(caller.send("POST", "/v1/end_users", (name, value)))
    assert {} == caller.wootric.end_users.by_id


def test_json_is_refused_where_a_form_is_due() -> None:
    caller = Caller()
    answer = caller.call("POST", "/v1/end_users", body=b'{"email":"a@example.com"}', headers=caller.headers | JSON)
    assert (400, "Content-Type must be application/x-www-form-urlencoded") == message(answer)


def test_fields_in_the_query_of_a_write_are_refused() -> None:
    caller = Caller()
    answer = caller.call("POST", "/v1/end_users", query=[("email", "a@example.com")], headers=caller.headers | FORM)
    assert (400, "email is not a field of this call") == message(answer)


def test_a_reset_forgets_everybody_but_not_who_logged_in() -> None:
    caller = Caller()
    caller.create(email="a@example.com")
    caller.wootric.reset()
    assert {"end_users": [], "responses": [], "declines": [], "surveys": []} == caller.wootric.state()
    assert FIRST == caller.create(email="a@example.com").body["id"]


def test_calls_about_one_end_user_are_heard_under_one_name() -> None:
    caller = Caller()
    caller.create(email="a@example.com", external_id="u1", phone_number="+15550101")
    calls = [
        caller.asking("/v1/end_users/u1", EXTERNAL),
        caller.asking("/v1/end_users/a@example.com", EMAIL),
        caller.asking("/v1/end_users/phone_number/+15550101"),
        caller.sending("PUT", f"/v1/end_users/{FIRST}", ("properties[a]", "b")),
        caller.sending("POST", "/v1/email_survey", ("emails[]", "a@example.com")),
        caller.asking("/eligible.json", {"email": "a@example.com"}),
    ]
    names = frozenset({"u1", "a@example.com", "+15550101"})
    heard = [caller.wootric.hear(call) for call in calls]
    assert [("u1", names)] * 6 == [(call.user, call.names) for call in heard]


@pytest.mark.parametrize(
    ("fields", "user"),
    [
        ({"email": "a@example.com", "external_id": "u2"}, "u2"),
        ({"email": "b@example.com", "phone_number": "+15550101"}, "b@example.com"),
        ({"phone_number": "+15550102"}, "+15550102"),
        ({"properties[a]": "b"}, ""),
    ],
)
def test_a_call_is_heard_under_the_external_id_that_it_says_else_by_what_else_it_says(
    fields: dict[str, str], user: str
) -> None:
    caller = Caller()
    caller.create(email="a@example.com", external_id="u1")
    assert user == caller.wootric.hear(caller.sending("POST", "/v1/end_users", *fields.items())).user


def test_a_call_about_an_unknown_number_is_nobodys() -> None:
    caller = Caller()
    heard = caller.wootric.hear(caller.sending("PUT", "/v1/end_users/7", ("email", "a@example.com")))
    assert ("", frozenset()) == (heard.user, heard.names)
