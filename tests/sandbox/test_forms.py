"""Bracketed names as a tree."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.sandbox.forms import BadForm, flaws, pairs_of, tree_of

words = st.text(st.characters(exclude_characters="[]", exclude_categories=["Cs"]), min_size=1)


def test_brackets_nest_and_empty_ones_make_lists() -> None:
    pairs = [
        ("score", "9"),
        ("emails[]", "a@example.com"),
        ("emails[]", "b@example.com"),
        ("end_user[properties][plan]", "pro"),
        ("end_user[properties][seats_amount]", "3"),
    ]
    assert {
        "score": "9",
        "emails": ["a@example.com", "b@example.com"],
        "end_user": {"properties": {"plan": "pro", "seats_amount": "3"}},
    } == tree_of(pairs)


@given(st.dictionaries(words, st.text(st.characters(exclude_categories=["Cs"]))))
def test_any_properties_survive_the_way_through_a_form(properties: dict[str, str]) -> None:
    body = urlencode([(f"properties[{key}]", value) for key, value in properties.items()]).encode()
    assert properties == tree_of(pairs_of(body)).get("properties", {})


@pytest.mark.parametrize(
    ("pairs", "why"),
    [
        ([("a", "1"), ("a", "2")], "a is given twice"),
        ([("p[k]", "1"), ("p[k]", "2")], "p is given twice"),
        ([("p", "1"), ("p[k]", "2")], "p is both a value and a parent"),
        ([("p[k]", "1"), ("p", "2")], "p is given twice"),
        ([("p", "1"), ("p[]", "2")], "p is both a value and a list"),
        ([("p[a[b]]", "1")], "a field's name has a bracket out of place"),
        ([("[a]", "1")], "a field's name has a bracket out of place"),
        ([("p]", "1")], "a field's name has a bracket out of place"),
    ],
)
def test_what_a_server_would_misread_is_refused(pairs: list[tuple[str, str]], why: str) -> None:
    with pytest.raises(BadForm, match=f"^{why}$"):
        tree_of(pairs)


@pytest.mark.parametrize("body", [b'{"email":"a"}', b"a=1&&b=2", b"a=%FF", "ä=1".encode()])
def test_a_body_that_is_no_form_is_refused(body: bytes) -> None:
    with pytest.raises(BadForm, match=r"^the body is not an urlencoded form$"):
        pairs_of(body)


def test_an_empty_body_is_an_empty_form() -> None:
    assert {} == tree_of(pairs_of(b""))


def test_every_flaw_is_told() -> None:
    found = flaws({"a": "1", "b": "2"}, {"a": lambda _: "is odd", "c": lambda _: ""}, required=("c",))
    assert [("c", "is missing"), ("b", "is not a field of this call"), ("a", "is odd")] == found
