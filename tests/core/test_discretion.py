"""What is masked in a detail."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import an_event
from worker.core.discretion import LONGEST, MASK, MOST_CHARACTERS, MOST_VALUES, WITHHELD, masked

ANN = {"name": "Ann O'Dálaigh", "email": "ann@example.com", "plan": "Premium Gold", "pin": 4711}


def an_identify(**traits: Any) -> Any:
    return an_event("identify", user_id="shopper-1", traits={**ANN, **traits})


@pytest.mark.parametrize(
    ("detail", "expected"),
    [
        ("Validation failed: email is invalid", "Validation failed: email is invalid"),
        ("ann@example.com has already been taken", "… has already been taken"),
        ("ANN@Example.COM has already been taken", "… has already been taken"),
        ("no user shopper-1", "no user …"),
        ("Ann O'Dálaigh is unknown", "… is unknown"),
        ("dear O'Dálaigh!", "dear …!"),
        ("plan gold is over", "plan … is over"),
        ("pin 4711", "pin …"),
        ("an identify failed", "an identify failed"),
        ("someone.else+x@mail.example is unknown", "… is unknown"),
        ("called +1 (555) 010-0123 in vain", "called … in vain"),
        ("order 123456", "order …"),
        ("status 12345", "status 12345"),
        ("token 6f1ed002ab5595859014ebf0951522d9", "token …"),
        ("Authorization: Bearer abcdef", "Authorization: Bearer …"),
        ("GET /x?access_token=short&a=1", "GET /x?access_token=…&a=1"),
        ("authentication_required_for_this", "authentication_required_for_this"),
    ],
)
def test_the_person_is_masked_and_the_reason_stays(detail: str, expected: str) -> None:
    assert expected == masked(detail, an_identify())


def test_secrets_are_masked_without_an_event() -> None:
    assert masked("bad org_token hush-hush", None, ["hush-hush", "x"]) == "bad org_token …"


@pytest.mark.parametrize(
    "written",
    [
        json.dumps("Zoë \U0001f600 O'D"),
        quote("Zoë \U0001f600 O'D"),
        "ZOË \U0001f600 O'D",
        "Zoë\n\U0001f600\tO'D",
    ],
)
def test_a_value_is_found_however_it_is_written(written: str) -> None:
    detail = masked(f"no {written} here", an_identify(name="Zoë \U0001f600 O'D"))
    assert detail.replace('"', "") == "no … here"


def test_a_value_with_escapes_in_it_is_found_as_it_is() -> None:
    assert masked("path a%20b%41c is odd", an_event(properties={"path": "a%20b%41c"})) == "path … is odd"


def test_values_are_found_in_lists_and_nested_objects() -> None:
    event = an_event(properties={"products": [{"name": "Teapot", "price": 18.75, "new": True, "none": None}]})
    assert masked("Teapot at 18.75 is True and None", event) == "… at … is True and None"


def test_the_traits_of_the_context_are_masked_by_word() -> None:
    event = an_event(context={"traits": {"names": ["Ann Example"]}})
    assert masked("who is Example", event) == "who is …"


def test_an_anonymous_id_and_a_message_id_are_masked() -> None:
    event = an_event(user_id=None, anonymous_id="visitor", id="call-9")
    assert masked("visitor sent call-9", event) == "… sent …"


def test_a_letter_that_grows_in_lower_case_moves_nothing() -> None:
    assert masked("İİİİ ann@example.com İstanbul", an_identify(city="İSTANBUL")) == "İİİİ … …"


def test_a_long_value_is_masked_also_where_only_a_part_is_quoted() -> None:
    story = " ".join(f"tea{number}" for number in range(500))
    detail = masked(f"bio too long: {story[:640]} (cut)", an_event("identify", traits={"bio": story}))
    assert "tea" not in detail.removeprefix("bio too long: ")
    assert detail.endswith("(cut)")


def test_a_value_at_the_cut_is_not_shown_by_half() -> None:
    name = "Bartholomew Example"
    for before in range(1960, 2001):
        detail = masked("." * before + name, an_identify(name=name))
        assert "Barth" not in detail
    detail = masked("ann@example.com " * 120 + "zz " * 20 + name, an_identify(name=name))
    assert "Barth" not in detail


@pytest.mark.parametrize("quoted", ["Bartholomew Ex", "artholomew Example", "rtholomew", "BARTHOLO"])
def test_a_part_of_a_value_is_masked_too(quoted: str) -> None:
    assert f"no {MASK}" == masked(f"no {quoted}", an_identify(full="Bartholomew Example"))


def test_a_value_that_the_mapping_has_cut_is_masked() -> None:
    assert f'HTTP 400: {{"last": "{MASK}' == masked('HTTP 400: {"last": "Bartholo', an_identify(last="Bartholomew"))


def test_control_characters_become_blanks() -> None:
    assert masked("a\r\nb\x00\x1b[31mc\u202ed", None) == "a b [31mc d"


def test_a_detail_is_never_longer_than_its_bound() -> None:
    assert "," * (LONGEST - 1) + MASK == masked("," * 5000, None)
    assert "," * LONGEST == masked("," * LONGEST, None)


@pytest.mark.parametrize(
    "properties",
    [
        {str(number): number for number in range(MOST_VALUES + 1)},
        {"list": list(range(MOST_VALUES + 1))},
        {"lists": [[number, [-number]] for number in range(MOST_VALUES)]},
        {"texts": ["x" * 1999 + str(number) for number in range(MOST_CHARACTERS // 1999)]},
    ],
)
def test_an_event_of_too_much_keeps_its_details_to_itself(properties: dict[str, Any]) -> None:
    assert masked("anything", an_event(properties=properties)) == WITHHELD


def test_a_megabyte_of_text_costs_no_more_than_its_beginning() -> None:
    event = an_event("identify", traits={"bio": "x " * 500_000, "name": "Teapot"})
    assert masked("no Teapot", event) == "no …"


def test_one_text_repeated_everywhere_costs_no_more_than_another() -> None:
    event = an_event(properties={str(number): f"{'a' * 1900}{number}" for number in range(50)})
    assert MASK == masked("a" * 2000, event)


@given(st.text(max_size=600), st.text(min_size=4, max_size=40).filter(lambda name: name.strip() == name))
def test_no_text_raises_and_none_is_too_long(detail: str, name: str) -> None:
    said = masked(detail, an_identify(name=name), [name])
    assert len(said) <= LONGEST
    assert said.isprintable() or not detail.isprintable()


@given(st.text(alphabet="abc .!", max_size=50), st.from_regex(r"[A-Za-z\u00c0-\u024f]{4,30}", fullmatch=True))
def test_a_name_never_appears(around: str, name: str) -> None:
    said = masked(f"{around} {name} {around}", an_identify(name=name))
    assert name.casefold() not in said.casefold()
