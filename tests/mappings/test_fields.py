from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.fields import (
    created,
    email,
    flatten,
    full_name,
    identifier,
    instant,
    looks_like_email,
    phone,
    text,
    traits,
)
from tests.builders import an_event

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
)
NAMES = st.sampled_from(
    ["email", "Email", "phone", "phones", "name", "firstName", "last_name", "created", "createdAt", "created_at", "x"]
)
TRAITS = st.dictionaries(NAMES, VALUES)
FIRST, LAST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)


# --- E-mail


def test_the_email_is_the_traits_own() -> None:
    event = an_event("identify", traits={"email": "a@b.example"}, context={"traits": {"email": "c@d.example"}})
    assert email(event) == "a@b.example"


def test_the_email_is_found_whatever_the_case_of_its_key() -> None:
    event = an_event("identify", traits={"eMail": "a@b.example"}, context={"traits": {"email": "c@d.example"}})
    assert email(event) == "a@b.example"


def test_the_email_in_its_usual_spelling_goes_first() -> None:
    assert email(an_event("identify", traits={"EMAIL": "a@b.example", "email": "c@d.example"})) == "c@d.example"


@pytest.mark.parametrize("missing", [None, "", "  ", 5, {"v": 1}])
def test_an_email_that_is_none_gives_way_to_the_contexts(missing: object) -> None:
    event = an_event("identify", traits={"email": missing}, context={"traits": {"EMAIL": "c@d.example"}})
    assert email(event) == "c@d.example"


def test_a_user_id_that_looks_like_an_address_is_the_email() -> None:
    assert email(an_event(user_id="a@b.example", properties={"email": "friend@b.example"})) == "a@b.example"


def test_the_email_of_the_properties_counts_where_nobody_is_named() -> None:
    event = an_event(user_id=None, anonymous_id="a1", properties={"email": " a@b.example "})
    assert email(event) == "a@b.example"


def test_a_friend_who_is_invited_does_not_lend_his_address_to_the_user() -> None:
    assert email(an_event(event="Friend Invited", user_id="u1", properties={"email": "friend@b.example"})) is None


def test_a_groups_email_is_not_the_users() -> None:
    event = an_event("group", traits={"email": "office@b.example"}, context={"traits": {"email": "a@b.example"}})
    assert email(event) == "a@b.example"


@pytest.mark.parametrize(
    ("value", "looks"),
    [
        ("a@b.example", True),
        ("a@b.c", True),
        ("@@b.c", True),
        ("a@b@c.d", True),
        ("a@.b.c", True),
        ("a@b", False),
        ("@b.example", False),
        ("a@.example", False),
        ("a@b.", False),
        ("a@", False),
        ("a\n@b.example", False),
        ("", False),
    ],
)
def test_an_address_has_something_before_the_at_and_around_a_dot_after_it(value: str, looks: bool) -> None:
    assert looks_like_email(value) is looks


@given(st.text("a@.\n", max_size=12))
def test_what_looks_like_an_address_is_what_the_pattern_matches(value: str) -> None:
    assert looks_like_email(value) is (re.fullmatch(r".+@.+\..+", value) is not None)


def test_a_long_id_is_judged_in_linear_time() -> None:
    assert not looks_like_email("@" * 5_000_000)


# --- Phone, name


@pytest.mark.parametrize(
    ("own", "around", "expected"),
    [
        ({"phone": "+1-555-0100", "phones": ["+1-555-0101"]}, {"phone": "+1-555-0102"}, "+1-555-0100"),
        ({"phone": " ", "phones": [None, "", "+1-555-0101"]}, {"phone": "+1-555-0102"}, "+1-555-0101"),
        ({"phones": "+1-555-0101"}, {"phone": "+1-555-0102"}, "+1-555-0102"),
        ({"phones": []}, {"phone": "+1-555-0102"}, "+1-555-0102"),
        ({"phone": 15550100.0}, {}, "15550100"),
        ({"phone": True}, {"phones": ["+1-555-0101"]}, None),
    ],
)
def test_the_phone_is_the_first_that_is_one(own: object, around: object, expected: str | None) -> None:
    assert expected == phone(an_event("identify", traits=own, context={"traits": around}))


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({"name": "  Ann Lee ", "firstName": "X", "lastName": "Y"}, "Ann Lee"),
        ({"name": " ", "firstName": "Ann", "lastName": "Lee"}, "Ann Lee"),
        ({"first_name": "Ann", "last_name": "Lee"}, "Ann Lee"),
        ({"firstName": "Ann", "last_name": "Lee"}, "Ann Lee"),
        ({"firstName": "Ann", "lastName": ""}, None),
        ({"name": 5}, None),
        ({}, None),
    ],
)
def test_the_full_name_is_the_name_or_both_of_its_parts(own: object, expected: str | None) -> None:
    assert expected == full_name(an_event("identify", traits=own))


def test_the_parts_of_a_name_may_come_from_traits_and_context() -> None:
    event = an_event("identify", traits={"firstName": "Ann"}, context={"traits": {"lastName": "Lee"}})
    assert full_name(event) == "Ann Lee"


# --- Created


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({"created": "2020-01-01", "createdAt": "2021-01-01", "created_at": "2022-01-01"}, 2020),
        ({"createdAt": "2021-01-01", "created_at": "2022-01-01"}, 2021),
        ({"created": "soon", "created_at": "2022-01-01"}, 2022),
        ({"created": "soon"}, 2023),
        ({}, 2023),
    ],
)
def test_created_is_the_first_that_is_a_time(own: object, expected: int) -> None:
    event = an_event("identify", traits=own, context={"traits": {"created_at": "2023-01-01"}})
    assert created(event) == datetime(expected, 1, 1, tzinfo=UTC)


def test_without_a_time_nothing_is_created() -> None:
    assert created(an_event("identify", traits={"created": "soon"}, context={"traits": []})) is None


@pytest.mark.parametrize(
    "value",
    [
        "2018-08-03T15:28:46.500Z",
        "2018-08-03T15:28:46.5",
        "2018-08-03T15:28:46.500000+00:00",
        "2018-08-03T20:58:46.500+05:30",
        "2018-08-03T15:28:46.500000999Z",
        "2018-08-03 15:28:46.500z",
        " 20180803T152846.500Z ",
        1533310126.5,
        1533310126500,
        "1533310126500",
    ],
)
def test_one_instant_has_many_forms(value: object) -> None:
    assert instant(value) == datetime(2018, 8, 3, 15, 28, 46, 500_000, tzinfo=UTC)


@pytest.mark.parametrize("value", ["2018-08-03", "20180803", "2018-08-03T00", "2018-08-03T05:30+05:30"])
def test_a_date_is_its_first_moment_in_utc(value: str) -> None:
    assert instant(value) == datetime(2018, 8, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "T",
        "soon",
        "5 May",
        "2026-02-30",
        "2026-02-09T",
        "T10:11",
        "2026-02-09-0415",
        "2018W31504",
        "0000-00-00T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+05:00",
        "2026-02-09T10:11:12+25:00",
        "2026-12-31T23:59:60Z",
        "20181399",
        "12.5",
        "-1533310126",
        "２０２６-02-09",
        "9" * 30,
        "9" * 5000,
        "\ud83d",
        -1,
        -1533310126.0,
        1e300,
        10**6000,
        float("nan"),
        float("inf"),
        float("-inf"),
        True,
        False,
        None,
        [1533310126],
        {"$date": 1533310126},
    ],
    ids=lambda value: f"{type(value).__name__} {str(value)[:12] if not isinstance(value, int) else 'number'}",
)
def test_what_cannot_be_read_as_a_time_is_none(value: object) -> None:
    assert instant(value) is None


def test_numbers_are_milliseconds_from_the_limit_on() -> None:
    second_before, first_of_them = instant(31_557_599_999), instant(31_557_600_000)
    assert (second_before, first_of_them) == (
        datetime(2970, 1, 7, 23, 59, 59, tzinfo=UTC),
        datetime(1971, 1, 1, 6, 0, tzinfo=UTC),
    )


@given(st.datetimes(timezones=st.timezones() | st.just(UTC)).filter(lambda moment: FIRST < moment < LAST))
def test_every_time_survives_iso_8601(moment: datetime) -> None:
    assert instant(moment.isoformat()) == moment.astimezone(UTC)


@given(st.integers(0, 31_557_599_999))
def test_every_unix_second_is_read_as_itself(seconds: int) -> None:
    moment = instant(seconds)
    assert moment is not None
    assert moment.timestamp() == seconds


# --- Text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", ""),
        (" x ", " x "),
        (86, "86"),
        (86.0, "86.0"),
        (19.9, "19.9"),
        (-0.0, "-0.0"),
        (1e21, "1e+21"),
        (True, "true"),
        (False, "false"),
        (None, None),
        ([1], None),
        ({"a": 1}, None),
        (float("nan"), None),
        (float("inf"), None),
        (10**5000, None),
    ],
    ids=lambda value: "" if isinstance(value, int) else None,
)
def test_a_scalar_as_text_keeps_its_form(value: object, expected: str | None) -> None:
    assert expected == text(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("u1", "u1"),
        (" u1", " u1"),
        ("", None),
        (" \t", None),
        (0, "0"),
        (9_007_199_254_740_993, "9007199254740993"),
        (10234.0, "10234"),
        (9_007_199_254_740_991.0, "9007199254740991"),
        (1e21, None),
        (-1e21, None),
        (0.5, "0.5"),
        (True, None),
        (None, None),
        (["u1"], None),
        ({"$oid": "64b7"}, None),
        (float("nan"), None),
        (float("-inf"), None),
        (10**5000, None),
    ],
    ids=lambda value: "" if isinstance(value, int) else None,
)
def test_an_id_is_text_without_decimals(value: object, expected: str | None) -> None:
    assert expected == identifier(value)


# --- Objects


def test_traits_of_the_call_lie_over_those_of_the_context() -> None:
    event = an_event("identify", traits={"a": 1, "b": None}, context={"traits": {"a": 0, "b": 2, "c": 3}})
    assert traits(event) == {"a": 1, "b": None, "c": 3}


def test_traits_that_are_no_object_count_as_none() -> None:
    assert traits(an_event("identify", traits=["a"], context={"traits": "b"})) == {}


def test_a_groups_traits_are_not_the_users() -> None:
    assert traits(an_event("group", traits={"plan": "team"}, context={"traits": {"plan": "pro"}})) == {"plan": "pro"}


def test_nested_objects_are_joined_by_an_underscore() -> None:
    assert flatten({"a": {"b": {"c": 1}, "d": None}, "e": [{"f": 1}], "g": {}}) == {"a_b_c": 1, "e": [{"f": 1}]}


@pytest.mark.parametrize("order", [1, -1])
def test_a_key_that_was_written_out_wins_over_one_that_was_joined(order: int) -> None:
    members = [("a_b", "written"), ("a", {"b": "joined"})]
    assert flatten(dict(members[::order])) == {"a_b": "written"}


def test_what_lies_too_deep_is_left_out() -> None:
    deep: dict[str, Any] = {"x": 1}
    for _ in range(31):
        deep = {"a": deep}
    assert flatten(deep) == {"a_" * 31 + "x": 1}
    assert flatten({"a": deep, "b": 2}) == {"b": 2}


def test_an_object_as_deep_as_it_gets_does_not_exhaust_the_stack() -> None:
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"a": deep}
    assert flatten(deep) == {}


@given(st.dictionaries(st.text(max_size=3), VALUES, max_size=5))
def test_nothing_nested_and_no_null_is_left(values: dict[str, Any]) -> None:
    assert not [value for value in flatten(values).values() if value is None or isinstance(value, dict)]


# --- All of them


@given(TRAITS, TRAITS | SCALARS, SCALARS, st.sampled_from(["identify", "track", "group"]))
def test_no_accessor_raises_or_changes_anything(own: Any, around: Any, about: Any, kind: Any) -> None:
    event = an_event(kind, traits=own, context={"traits": around}, properties={"email": about}, user_id=None)
    before = json.dumps(event.message)
    for accessor in (email, phone, full_name, created, traits):
        accessor(event)
    assert before == json.dumps(event.message)


@given(VALUES)
def test_text_is_read_or_missing_for_every_value(value: Any) -> None:
    assert {type(text(value)), type(identifier(value))} <= {str, type(None)}


@given(VALUES)
def test_an_instant_is_in_utc_or_missing_for_every_value(value: Any) -> None:
    moment = instant(value)
    assert moment is None or moment.tzinfo is UTC
