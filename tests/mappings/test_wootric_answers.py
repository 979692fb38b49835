"""What Wootric's answers mean: login, limits, refusals, and end users that are read leniently."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.contract import Credentials, Delivered, Limited, Quota, Request, Response, Skipped, Unmappable
from mappings.wootric import DESTINATION
from mappings.wootric.answers import meaning, quota, refused, taken
from mappings.wootric.login import check, login
from mappings.wootric.profile import Profile
from mappings.wootric.reading import read, read_id
from mappings.wootric.settings import Account
from tests.builders import an_event

TOKEN_ALONE = Account("NPS-5a4db0c1")
ACCOUNT = Account("NPS-5a4db0c1", "client", "hush-hush")


def an_answer(status: int = 200, body: Any = None, **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, named, json.dumps({} if body is None else body).encode())


def end_of(flow: Any, *answers: Response) -> Any:
    next(flow)
    for answer in answers:
        try:
            flow.send(answer)
        except StopIteration as end:
            return end.value
    raise AssertionError("the flow asks for more")


# --- Login and check


def test_the_secret_goes_into_the_form_of_one_login_request() -> None:
    flow = login(ACCOUNT)
    assert flow is not None
    expected = Request(
        method="POST",
        url="https://api.wootric.com/oauth/token",
        operation="login",
        form=(("grant_type", "client_credentials"), ("client_id", "client"), ("client_secret", "hush-hush")),
        login=False,
        promises_object=True,
    )
    assert expected == next(flow)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            an_answer(body={"access_token": "abc", "token_type": "bearer", "expires_in": 7200}),
            Credentials({"authorization": "Bearer abc"}, 7200),
        ),
        (an_answer(body={"access_token": "abc"}), Credentials({"authorization": "Bearer abc"})),
        (an_answer(body={"access_token": "abc", "expires_in": "soon"}), Credentials({"authorization": "Bearer abc"})),
        (an_answer(body={"access_token": "abc", "expires_in": 0}), Credentials({"authorization": "Bearer abc"})),
        (an_answer(body={}), None),
        (an_answer(body={"access_token": ""}), None),
        (an_answer(body={"access_token": 3}), None),
        (an_answer(body={"access_token": "a\r\nb"}), None),
        (an_answer(body={"access_token": "ä"}), None),
        (an_answer(401, {"error": "invalid_client"}), None),
    ],
)
def test_a_usable_token_is_gained_for_as_long_as_it_lasts(answer: Response, expected: Credentials | None) -> None:
    assert expected == end_of(login(ACCOUNT), answer)


def test_an_account_token_alone_needs_no_login_and_cannot_be_checked() -> None:
    assert login(TOKEN_ALONE) is None
    with pytest.raises(StopIteration) as end:
        next(check(TOKEN_ALONE))
    assert Skipped("unchecked") == end.value.value


@pytest.mark.parametrize("status", [200, 404])
def test_credentials_are_checked_by_a_look_up_of_nobody(status: int) -> None:
    assert Delivered() == end_of(check(ACCOUNT), an_answer(status))
    request = next(check(ACCOUNT))
    assert ("GET", True, 0) == (request.method, request.login, request.max_age)


def test_a_check_that_is_refused_says_so() -> None:
    flow = check(ACCOUNT)
    next(flow)
    with pytest.raises(Unmappable, match="refused"):
        flow.send(an_answer(422))


# --- Limits


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (an_answer(429, x_rate_limit_reset="1770631900", retry_after="5"), Limited(until=1770631900)),
        (an_answer(429, x_rate_limit_reset="soon", retry_after="5"), Limited(wait=5)),
        (an_answer(429, retry_after="Mon, 09 Feb 2026 10:11:40 GMT"), Limited(until=1770631900)),
        (an_answer(429, retry_after="Mon, 09 Feb 2026 10:11:40 -0000"), Limited(until=1770631900)),
        (an_answer(429, retry_after="later"), Limited(wait=60)),
        (an_answer(429), Limited(wait=60)),
        (an_answer(200, x_rate_limit_reset="1770631900"), None),
        (an_answer(400), None),
        (an_answer(404), None),
        (an_answer(503, retry_after="5"), None),
    ],
)
def test_over_the_limit_wootric_is_left_alone_until_its_reset(answer: Response, expected: Limited | None) -> None:
    assert expected == meaning(answer)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"x-rate-limit-remaining": "99", "x-rate-limit-reset": "1770631900"}, Quota(99, 1770631900)),
        ({"x-rate-limit-remaining": "0", "x-rate-limit-reset": " 1770631900 "}, Quota(0, 1770631900)),
        ({}, None),
        ({"x-rate-limit-remaining": "5"}, None),
        ({"x-rate-limit-reset": "1770631900"}, None),
        ({"x-rate-limit-remaining": "-1", "x-rate-limit-reset": "1770631900"}, None),
        ({"x-rate-limit-remaining": "many", "x-rate-limit-reset": "1770631900"}, None),
        ({"x-rate-limit-remaining": "5", "x-rate-limit-reset": "²"}, None),
        ({"x-rate-limit-remaining": "9" * 5000, "x-rate-limit-reset": "1770631900"}, None),
    ],
)
def test_the_quota_is_what_numbers_in_both_headers_say(headers: dict[str, str], expected: Quota | None) -> None:
    assert expected == quota(Response(200, headers))


@given(st.text(), st.text(), st.text(), st.integers(100, 599))
def test_no_header_breaks_the_reading_of_limits(left: str, reset: str, after: str, status: int) -> None:
    headers = {"x-rate-limit-remaining": left, "x-rate-limit-reset": reset, "retry-after": after}
    answer = Response(status, headers)
    assert isinstance(quota(answer), Quota | None)
    assert (status == 429) == isinstance(meaning(answer), Limited)


# --- Refusals


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"error": "Validation failed: Email is invalid"}, "HTTP 422: Validation failed: Email is invalid"),
        (
            {"type": "error_list", "errors": [{"message": "is bad", "field": "email"}, {"message": "Odd"}, "x", {}]},
            "HTTP 422: email is bad; Odd; ",
        ),
        ({"error": {"deep": 1}, "errors": "none"}, "HTTP 422"),
        ([1], "HTTP 422"),
        ({"error": "x" * 1000}, "HTTP 422: " + "x" * 300),
    ],
)
def test_a_refusal_carries_wootric_s_message(body: Any, detail: str) -> None:
    fault = refused(an_answer(422, body))
    assert ("refused", detail) == (fault.reason, fault.detail)


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (422, "Validation failed: Email has already been taken", "email"),
        (400, "Email has already been taken", "email"),
        (409, "email HAS ALREADY BEEN TAKEN", "email"),
        (422, "Validation failed: Phone number has already been taken", "phone"),
        (422, "Validation failed: External id has already been taken", "external_id"),
        (422, "Validation failed: Email is invalid", None),
        (422, "Name has already been taken", None),
        (200, "Email has already been taken", None),
    ],
)
def test_a_name_that_is_taken_is_told_from_other_refusals(status: int, message: str, kind: str | None) -> None:
    assert kind == taken(an_answer(status, {"error": message}))
    assert kind == taken(an_answer(status, {"type": "error_list", "errors": [{"message": message, "field": None}]}))


def test_a_message_that_goes_on_from_its_field_is_read_with_it() -> None:
    errors = [{"status": "invalid", "message": "has already been taken", "field": "phone_number"}]
    assert taken(an_answer(400, {"type": "error_list", "errors": errors})) == "phone"


# --- End users


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"plan": "pro", "n": 3, "x": 1.5, "vip": True, "gone": None, "deep": {"a": 1}},
         {"plan": "pro", "n": "3", "x": "1.5", "vip": "true"}),
        ('{"plan": "pro"}', {"plan": "pro"}),
        ("{'company':'Test', 'city':'San Francisco'}", {"company": "Test", "city": "San Francisco"}),
        ("{'said': 'it\\'s \"so\"', 'vip': True, 'gone': None, 3: 1}", {}),
        ("{'said': 'it\\'s \"so\"', 'vip': True, 'gone': None}", {"said": 'it\'s "so"', "vip": "true"}),
        ('{"plan"=>"a => nil", "gone"=>nil}', {"plan": "a => nil"}),
        ("nonsense", {}),
        ("[" * 100_000, {}),
        ("", {}),
        ([1], {}),
        (None, {}),
    ],
)  # fmt: skip
def test_properties_are_read_in_every_form_that_answers_have(properties: Any, expected: dict[str, str]) -> None:
    assert expected == read({"properties": properties}).properties


def test_an_end_user_is_read_leniently() -> None:
    body = {
        "id": "7",
        "email": "a@example.com",
        "external_id": 42,
        "phone_number": "",
        "external_created_at": "1533310126",
    }
    assert ("7", Profile("42", "a@example.com", None, 1533310126, {})) == (read_id(body), read(body))
    assert (None, Profile()) == (read_id({}), read({}))


@pytest.mark.parametrize("id_", [None, True, "x", "", 7.5, -7, {}, "٣"])
def test_an_id_that_is_no_number_is_none(id_: Any) -> None:
    assert read_id({"id": id_}) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["id", "email", "properties"]), inner),
)


@given(JSON, st.sampled_from([200, 201, 400, 404, 422]), st.sampled_from(["identify", "track", "page", "group"]))
def test_a_flow_ends_whatever_wootric_answers(body: Any, status: int, kind: Any) -> None:
    traits = {"email": "a@example.com", "phone": "+14155550100", "plan": "pro"}
    flow = DESTINATION.translate(an_event(kind, traits=traits, name="Cart", groupId="g1"), ACCOUNT)
    answer = Response(status, body=json.dumps(body).encode())
    asked = []
    try:
        asked.append(next(flow))
        while len(asked) < 20:
            asked.append(flow.send(answer))
    except (StopIteration, Unmappable):
        pass
    assert 1 <= len(asked) < 10
