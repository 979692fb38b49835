"""The property rules, and how much of the properties an eligibility check shows."""

from __future__ import annotations

import re
from math import nan
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.wootric import DESTINATION
from mappings.wootric.properties import typed
from mappings.wootric.settings import Account
from tests.builders import an_event

TOKEN_ALONE = Account("NPS-5a4db0c1")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"plan": "pro"}, {"plan": "pro"}),
        ({"a": {"b": {"c": 1}}}, {"a_b_c": "1"}),
        ({"n": 86.0, "m": 86}, {"n": "86.0", "m": "86"}),
        ({"vip": True, "old": False}, {"vip": "true", "old": "false"}),
        ({"gone": None, "nan": nan}, {}),
        ({"tags": ["a", 1, True, None, nan]}, {"tags_array": "a,1,true"}),
        ({"tags_array": ["a"], "list_array": "b"}, {"tags_array": "a", "list_array": "b"}),
        ({"tags": []}, {"tags_array": ""}),
        ({"products": [{"id": 1}], "matrix": [[1]]}, {}),
        ({"at": "2018-08-03T15:28:46.493Z"}, {"at_date": "1533310126"}),
        ({"at": "2018-08-03T15:28:46.500Z"}, {"at_date": "1533310127"}),
        ({"at": "2018-08-03T17:28:46+02:00"}, {"at_date": "1533310126"}),
        ({"at": "2018-08-03 15:28:46"}, {"at_date": "1533310126"}),
        ({"at_date": "2018-08-03T15:28:46Z"}, {"at_date": "1533310126"}),
        ({"at_date": 1533310126493}, {"at_date": "1533310126"}),
        ({"at_date": "soon", "on_date": True}, {}),
        ({"day": "2018-08-03", "at": "2018-99-99T00:00:00Z"}, {"day": "2018-08-03", "at": "2018-99-99T00:00:00Z"}),
        ({"x_amount": 2.5, "y_amount": -2.5, "z_amount": 3}, {"x_amount": "3", "y_amount": "-2", "z_amount": "3"}),
        ({"x_amount": 0.49999999999999994, "y_amount": 1e22}, {"x_amount": "0", "y_amount": "10000000000000000000000"}),
        ({"x_amount": " 19.50 ", "y_amount": ".5", "z_amount": "7."},
         {"x_amount": "20", "y_amount": "1", "z_amount": "7"}),
        ({"x_amount": "n/a", "y_amount": True, "z_amount": nan, "w_amount": "1e5"}, {}),
        ({"a.b": 1, "c$": 2, "d\0": 3, "e[f]": 4, "x.amount": 1.5},
         {"a_b": "1", "c_": "2", "d_": "3", "e_f_": "4", "x_amount": "2"}),
        ({"": "x"}, {}),
        ({"": "2018-08-03T15:28:46Z"}, {}),
        ({"": ["x"]}, {}),
    ],
)  # fmt: skip
def test_a_key_s_suffix_is_its_value_s_type(values: dict[str, Any], expected: dict[str, str]) -> None:
    assert expected == typed(values)


KEYS = st.text(max_size=8) | st.sampled_from(["a_amount", "b_date", "c_array", "d.amount", "e$", "f[g]"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes().map(lambda at: at.isoformat()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(KEYS, VALUES))
def test_whatever_comes_in_the_rules_hold_for_what_goes_out(values: dict[str, Any]) -> None:
    for key, value in typed(values).items():
        assert key
        assert not set(key) & set("$.\0[]")
        assert isinstance(value, str)
        if key.endswith(("_amount", "_date")):
            assert re.fullmatch("-?[0-9]+", value)


def test_a_check_shows_as_many_properties_as_a_request_line_holds_the_event_s_own_first() -> None:
    around = {"traits": {"email": "a@example.com", **{f"trait{n:03}": "ü" * 20 for n in range(100)}}}
    event = an_event("track", event="Z", properties={"zz": "z" * 100}, context=around)
    query = next(DESTINATION.translate(event, TOKEN_ALONE)).query
    shown = [name for name, _ in query if name.startswith("properties")]
    assert ["properties[custom_event_name]", "properties[zz]", "properties[trait000]"] == shown[:3]
    assert 5_500 < len(urlencode(query)) < 6_500


def test_a_property_that_is_too_long_for_a_check_makes_room_for_the_next() -> None:
    around = {"traits": {"email": "a@example.com", "big": "x" * 7_000, "small": "y"}}
    query = next(DESTINATION.translate(an_event("track", event="Z", context=around), TOKEN_ALONE)).query
    shown = [name for name, _ in query if name.startswith("properties")]
    assert ["properties[custom_event_name]", "properties[small]"] == shown
