"""Which events a destination gets."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.contract import EventType, Skipped
from tests.builders import TIME, a_policy, an_event
from worker.core import routing
from worker.core.reasons import NOT_WANTED
from worker.core.routing import Filtered, Pattern, Routing

WANTED = None


def verdict(event: Any, now: float = TIME, **policy: Any) -> Filtered | Skipped | None:
    return Routing(a_policy(**policy)).verdict(event, now)


@pytest.mark.parametrize(
    ("integrations", "expected"),
    [
        ({}, WANTED),
        ({"All": True}, WANTED),
        ({"Segment.io": True, "Wootric": False}, WANTED),
        ({"Wigzo": True}, WANTED),
        ({"All": False, "Wigzo": True}, WANTED),
        ({"All": False, "Wigzo": {}}, WANTED),
        ({"All": False, "Wigzo": {"imageUrl": "I"}}, WANTED),
        ({"all": False, "wigzo": True}, WANTED),
        ({"All": False}, Filtered("integrations")),
        ({"all": False}, Filtered("integrations")),
        ({"Wigzo": False}, Filtered("integrations")),
        ({"wigzo": False}, Filtered("integrations")),
        ({"All": True, "Wigzo": False}, Filtered("integrations")),
        ({"All": False, "WIGZO": True}, Filtered("integrations")),
        ({"wigzo": True, "Wigzo": False}, Filtered("integrations")),
    ],
)
def test_integrations_say_who_gets_an_event(integrations: object, expected: object) -> None:
    assert expected == verdict(an_event(integrations=integrations))


def test_an_event_without_integrations_is_for_everybody() -> None:
    assert verdict(an_event()) is WANTED


@pytest.mark.parametrize("odd", [None, [], ["Wootric"], False, "no", 0, 7])
def test_integrations_that_are_no_object_say_nothing(odd: object) -> None:
    assert verdict(an_event(integrations=odd)) is WANTED


@pytest.mark.parametrize("no", ["no", "False", " 0 ", "off", "", 0, 0.0])
def test_an_odd_no_is_a_no(no: object) -> None:
    assert Filtered("integrations") == verdict(an_event(integrations={"Wigzo": no}))


@pytest.mark.parametrize("yes", ["yes", "true", 1, ["x"], []])
def test_an_odd_yes_is_a_yes(yes: object) -> None:
    assert verdict(an_event(integrations={"All": False, "Wigzo": yes})) is WANTED


def test_a_null_for_the_destination_leaves_the_word_to_all() -> None:
    assert Filtered("integrations") == verdict(an_event(integrations={"All": False, "Wigzo": None}))


def consent(**preferences: object) -> dict[str, Any]:
    return {"consent": {"categoryPreferences": preferences}}


@pytest.mark.parametrize(
    ("context", "required", "expected"),
    [
        (consent(advertising=True, analytics=False), False, WANTED),
        (consent(advertising=True, analytics=False), True, WANTED),
        (consent(advertising=False), False, Filtered("consent")),
        (consent(advertising="false"), False, Filtered("consent")),
        (consent(analytics=True), False, WANTED),
        (consent(analytics=True), True, Filtered("consent")),
        (consent(advertising=None), True, Filtered("consent")),
        ({}, False, WANTED),
        ({}, True, Filtered("consent")),
        ({"consent": "yes"}, True, Filtered("consent")),
        ({"consent": {"categoryPreferences": ["advertising"]}}, True, Filtered("consent")),
        ("web", True, Filtered("consent")),
    ],
)
def test_consent_filters_by_the_destinations_categories(context: object, required: bool, expected: object) -> None:
    event = an_event(context=context)
    assert expected == verdict(event, consent_categories=("advertising",), consent_required=required)


def test_each_of_several_categories_must_be_consented_to() -> None:
    event = an_event(context=consent(advertising=True, analytics=False))
    assert Filtered("consent") == verdict(event, consent_categories=("advertising", "analytics"))


def test_only_the_chosen_types_pass() -> None:
    types = frozenset({"identify", "track"})
    assert verdict(an_event("identify"), types=types) is WANTED
    assert Filtered("type") == verdict(an_event("page"), types=types)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ("Order Completed", WANTED),
        ("order refunded", WANTED),
        ("Signed Up", WANTED),
        ("Order Cancelled by Robot", Filtered("event-denied")),
        ("Signed Up Twice", Filtered("event-not-allowed")),
        ("My Order Completed", Filtered("event-not-allowed")),
    ],
)
def test_event_names_are_allowed_and_denied_by_patterns(event: str, expected: object) -> None:
    given_event = an_event(event=event)
    assert expected == verdict(given_event, events_allowed=("Order *", "Signed Up"), events_denied=("*robot",))


@pytest.mark.parametrize("type_", ["page", "screen"])
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Pricing", WANTED),
        ("Home", Filtered("event-not-allowed")),
        (None, Filtered("event-not-allowed")),
        (7, Filtered("event-not-allowed")),
    ],
)
def test_pages_and_screens_are_chosen_by_their_name(type_: EventType, name: object, expected: object) -> None:
    assert expected == verdict(an_event(type_, name=name), events_allowed=("Pricing",))


@pytest.mark.parametrize("type_", ["identify", "group", "alias"])
def test_what_has_no_name_is_not_chosen_by_name(type_: EventType) -> None:
    assert verdict(an_event(type_), events_allowed=("Pricing",), events_denied=("*",)) is WANTED


def test_an_event_of_the_greatest_age_still_goes() -> None:
    assert verdict(an_event(time=TIME), now=TIME + 3600, max_age=3600.0) is WANTED


def test_an_older_event_is_skipped() -> None:
    assert Skipped("too-old") == verdict(an_event(time=TIME), now=TIME + 3601, max_age=3600.0)


def test_an_event_from_the_future_is_not_too_old() -> None:
    assert verdict(an_event(time=TIME + 9999), now=TIME, max_age=1.0) is WANTED


def test_the_events_own_wish_is_the_first_reason() -> None:
    event = an_event("page", integrations={"Wigzo": False}, context=consent(advertising=False), time=0.0)
    everything: dict[str, Any] = {"consent_categories": ("advertising",), "types": frozenset({"track"}), "max_age": 1.0}
    assert Filtered("integrations") == verdict(event, **everything)


def test_each_reason_is_declared() -> None:
    said = {value.reason for value in vars(routing).values() if isinstance(value, Filtered | Skipped)}
    assert set(NOT_WANTED) == said


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("*", "", True),
        ("", "", True),
        ("", "x", False),
        ("a*b*c", "a1b2c", True),
        ("a*b*c", "abc", True),
        ("a*b*c", "ac", False),
        ("aba*aba", "aba", False),
        ("aba*aba", "abaaba", True),
        ("*ab*ab", "ab", False),
        ("a**b", "ab", True),
        ("a?c", "abc", False),
        ("[ab]*", "a", False),
        ("STRASSE", "straße", True),
    ],
)
def test_a_star_stands_for_any_text_and_nothing_else_is_special(pattern: str, name: str, expected: bool) -> None:
    assert expected == Pattern(pattern).matches(name)


@given(st.lists(st.text(alphabet="ab*", max_size=3), max_size=5), st.text(alphabet="ab", max_size=8))
def test_a_pattern_made_from_a_name_matches_it(pieces: list[str], name: str) -> None:
    pattern = "".join(pieces)
    expected = re.fullmatch(".*".join(re.escape(part) for part in pattern.split("*")), name) is not None
    assert expected == Pattern(pattern).matches(name)


def test_a_hostile_pattern_and_name_cost_little() -> None:
    assert verdict(an_event(event="a" * 1_000_000), events_denied=("a*" * 50 + "b",)) is WANTED
