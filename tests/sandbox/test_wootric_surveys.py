"""Wootric's stand-in: responses, declines, e-mail surveys, eligibility."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.calls import Caller, message
from worker.sandbox.eligibility import EligibilityRule

FIRST = 1_000_001
GOOD = {"score": "9", "ip_address": "192.0.2.1", "origin_url": "https://shop.example/"}


def with_an_end_user(**account: Any) -> Caller:
    caller = Caller(**account)
    caller.send("POST", "/v1/end_users", ("email", "a@example.com"), ("properties[plan]", "pro"))
    return caller


def respond(caller: Caller, fields: dict[str, str], id_: int = FIRST) -> Any:
    return caller.send("POST", f"/v1/end_users/{id_}/responses", *fields.items())


def test_a_response_is_filed_with_the_properties_that_came_along() -> None:
    caller = with_an_end_user()
    more = {"text": "Good", "created_at": "1533310126", "end_user[properties][city]": "Pune"}
    answer = respond(caller, GOOD | more)
    filed = {
        "id": 5_000_001,
        "end_user_id": FIRST,
        "created_at": 1533310126,
        "text": "Good",
        "ip_address": "192.0.2.1",
        "origin_url": "https://shop.example/",
        "score": 9,
    }
    assert (201, filed, [filed]) == (answer.status, answer.body, caller.wootric.responses)
    assert {"plan": "pro", "city": "Pune"} == caller.wootric.end_users.by_id[FIRST].properties


@pytest.mark.parametrize("score", ["0", "10"])
def test_scores_go_from_0_to_10(score: str) -> None:
    assert int(score) == respond(with_an_end_user(), GOOD | {"score": score}).body["score"]


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({}, "score is missing; ip_address is missing; origin_url is missing"),
        (GOOD | {"score": "11"}, "score must be an integer from 0 to 10"),
        (GOOD | {"score": "9.0"}, "score must be an integer from 0 to 10"),
        (GOOD | {"ip_address": "here"}, "ip_address must be an IP address"),
        (GOOD | {"origin_url": "shop"}, "origin_url must be a URL"),
        (GOOD | {"created_at": "2018-08-03"}, "created_at must be Unix seconds"),
        (GOOD | {"end_user": "x"}, "end_user must be keys and values"),
        (GOOD | {"end_user[email]": "x"}, "end_user has no field email"),
        (GOOD | {"end_user[properties][a.b]": "x"}, "end_user properties has a key with $, . or NUL"),
        (GOOD | {"properties[a]": "b"}, "properties is not a field of this call"),
    ],
)
def test_a_response_of_another_shape_is_refused(fields: dict[str, str], why: str) -> None:
    caller = with_an_end_user()
    assert (400, why) == message(respond(caller, fields))
    assert [] == caller.wootric.responses


def test_a_response_of_nobody_is_a_404() -> None:
    assert (404, "The record could not be found") == message(respond(Caller(), GOOD))


def test_a_decline_needs_nothing_but_its_end_user() -> None:
    caller = with_an_end_user()
    answer = caller.send("POST", f"/v1/end_users/{FIRST}/declines")
    filed = {"id": 5_000_001, "end_user_id": FIRST, "created_at": None, "origin_url": None}
    assert (201, [filed]) == (answer.status, caller.wootric.declines)


def test_a_decline_of_nobody_is_a_404() -> None:
    assert 404 == Caller().send("POST", "/v1/end_users/7/declines").status


def test_a_survey_by_email_makes_end_users_of_those_who_are_none() -> None:
    caller = with_an_end_user()
    answer = caller.send(
        "POST",
        "/v1/email_survey",
        ("emails[]", "a@example.com"),
        ("emails[]", "b@example.com"),
        ("survey_immediately", "true"),
        ("survey_settings[language]", "de"),
        ("survey_settings[custom_messages][followup_text]", "Thanks"),
        ("end_user[properties][city]", "Pune"),
    )
    assert (200, {"status": "ok", "emails": 2}) == (answer.status, answer.body)
    users = [(user["email"], user["properties"]) for user in caller.wootric.state()["end_users"]]
    assert [("a@example.com", {"plan": "pro", "city": "Pune"}), ("b@example.com", {"city": "Pune"})] == users
    assert ["a@example.com", "b@example.com"] == caller.wootric.surveys[0]["emails"]
    assert caller.get(f"/v1/end_users/{FIRST}").body["last_surveyed"] == "2027-01-15 08:00:00 +0000"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ([], "emails is missing"),
        ([("emails", "a@example.com")], "emails must be a list of 1 to 100 e-mail addresses"),
        ([("emails[]", "a@example.com")] * 101, "emails must be a list of 1 to 100 e-mail addresses"),
        ([("emails[]", "a")], "emails must be an e-mail address"),
        ([("emails[]", "a@example.com"), ("survey_immediately", "1")], "survey_immediately must be true or false"),
        ([("emails[]", "a@example.com"), ("survey_settings[x]", "1")], "survey_settings has no field x"),
    ],
)
def test_a_survey_of_another_shape_is_refused(fields: list[tuple[str, str]], why: str) -> None:
    assert (400, why) == message(Caller().send("POST", "/v1/email_survey", *fields))


def test_what_is_filed_is_not_stored_where_memory_is_bounded() -> None:
    caller = Caller()
    caller.wootric = type(caller.wootric)(keep=False)
    caller.log_in()
    caller.create(email="a@example.com")
    assert 201 == respond(caller, GOOD).status
    assert 200 == caller.send("POST", "/v1/email_survey", ("emails[]", "a@example.com")).status
    assert ([], []) == (caller.wootric.responses, caller.wootric.surveys)


def test_half_of_all_people_are_eligible_and_always_the_same() -> None:
    caller = Caller()
    people = [f"user-{number}@example.com" for number in range(400)]
    first, second = ([caller.eligible(email=email).body["eligible"] for email in people] for _ in range(2))
    assert first == second
    assert 150 < sum(first) < 250


def test_an_eligibility_answer_says_why() -> None:
    caller = Caller()
    assert [
        {"eligible": True, "details": {"code": "eligible", "why": "in the sample"}, "settings": {}},
        {"eligible": False, "details": {"code": "sampled_out", "why": "not in the sample"}, "settings": {}},
    ] == [caller.eligible(external_id=id_).body for id_ in ("u1", "u4")]


def test_the_first_rule_that_matches_decides_who_is_eligible() -> None:
    caller = Caller()
    caller.wootric.eligibility = [
        EligibilityRule(True, users=frozenset({"u1"}), event_name="Signed Up"),
        EligibilityRule(False, code="throttled", users=frozenset({"u1", "+15550101"})),
        EligibilityRule(True, code="all"),
    ]
    answers = [
        caller.eligible(external_id="u1", event_name="Signed Up"),
        caller.eligible(external_id="u1", event_name="Left"),
        caller.eligible(phone_number="+15550101"),
        caller.eligible(email="b@example.com"),
    ]
    expected = [(True, "scripted"), (False, "throttled"), (False, "throttled"), (True, "all")]
    assert expected == [(answer.body["eligible"], answer.body["details"]["code"]) for answer in answers]


def test_an_eligibility_check_takes_all_that_a_mapping_may_say_and_changes_nothing() -> None:
    caller = Caller()
    query = {
        "email": "a@example.com",
        "external_id": "u1",
        "phone_number": "+15550101",
        "end_user_created_at": "1533310126",
        "language[code]": "de",
        "event_name": "Signed Up",
        "survey_immediately": "false",
        "properties[plan]": "pro",
        "page_info[url]": "https://shop.example/",
        "page_info[name]": "Home",
        "page_info[path]": "/",
    }
    answer = caller.eligible(**query)
    assert (200, True, False) == (answer.status, answer.accepted, answer.changed)
    assert {} == caller.wootric.end_users.by_id


def test_an_eligibility_check_needs_no_login_but_the_account() -> None:
    caller = Caller()
    caller.headers = {}
    assert 200 == caller.eligible(email="a@example.com").status
    answer = caller.eligible(email="a@example.com", account_token="NPS-other")
    assert (401, "The access token or the account token is not valid") == message(answer)
    assert 401 == caller.get("/eligible.json", {"email": "a@example.com"}).status


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"email": "nobody"}, "email must be an e-mail address"),
        ({"email": "a@example.com", "page": "x"}, "page is not a field of this call"),
        ({"email": "a@example.com", "properties[a.b]": "x"}, "properties has a key with $, . or NUL"),
        ({"event_name": "x"}, "email, external_id and phone_number are missing: one is needed"),
    ],
)
def test_an_eligibility_check_of_another_shape_is_refused(fields: dict[str, str], why: str) -> None:
    assert (400, why) == message(Caller().eligible(**fields))
