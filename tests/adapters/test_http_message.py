"""What a request looks like on the wire."""

from __future__ import annotations

import gzip
import json
import zlib
from types import MappingProxyType
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.contract import Request
from worker.adapters.http_message import FORM_TYPE, JSON_TYPE, Payload, as_json, inflate, payload, target

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def test_a_query_is_encoded_pair_by_pair() -> None:
    pairs = [("properties[k]", "1+1&x"), ("language[code]", "dé é"), ("email", "a+b@example.com"), ("none", "")]
    assert (
        "https://v.example/x?properties%5Bk%5D=1%2B1%26x&language%5Bcode%5D=d%C3%A9+%C3%A9"
        "&email=a%2Bb%40example.com&none="
    ) == target("https://v.example/x", pairs)


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1))
def test_whatever_pairs_are_sent_are_the_ones_that_are_read(pairs: list[tuple[str, str]]) -> None:
    _, _, query = target("https://v.example/x", pairs).partition("?")
    assert pairs == parse_qsl(query, keep_blank_values=True, separator="&", max_num_fields=None)


def test_an_encoded_path_is_left_alone() -> None:
    assert "https://v.example/a%2Fb/%C3%A9/%41" == target("https://v.example/a%2Fb/%C3%A9/%41", [])


def test_a_query_joins_one_that_is_there() -> None:
    assert "https://v.example/x?a=1&b=2" == target("https://v.example/x?a=1", [("b", "2")])


@pytest.mark.parametrize("url", ["https://v.example/a b", "https://v.example/\r\nX: y", "https://v.example/é"])
def test_a_url_that_no_request_line_can_carry_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="percent-encoded"):
        target(url, [])


def test_a_lone_surrogate_in_a_query_is_replaced() -> None:
    assert "https://v.example/x?q=%3F" == target("https://v.example/x", [("q", "\ud800")])


def test_a_body_is_json_or_a_form_or_absent() -> None:
    asked = Request("POST", "https://v.example/x", "x", json={"a": [1, "é"]})
    assert Payload('{"a":[1,"é"]}'.encode(), JSON_TYPE) == payload(asked)
    asked = Request("POST", "https://v.example/x", "x", form=[("end_user[email]", "a+b@example.com"), ("é", " ")])
    assert Payload(b"end_user%5Bemail%5D=a%2Bb%40example.com&%C3%A9=+", FORM_TYPE) == payload(asked)
    assert payload(Request("GET", "https://v.example/x", "x")) is None


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (MappingProxyType({"a": MappingProxyType({})}), b'{"a":{}}'),
        (("a", 1), b'["a",1]'),
        ({"n": float("nan"), "i": float("inf")}, b'{"n":null,"i":null}'),
        ({"s": "\ud800", "n": float("nan")}, b'{"s":"\\ud800","n":null}'),
        ({"big": 1 << 64, "m": MappingProxyType({"t": (1, 2.5)})}, b'{"big":18446744073709551616,"m":{"t":[1,2.5]}}'),
    ],
)
def test_what_real_events_hold_can_be_written(value: object, written: bytes) -> None:
    assert written == as_json(value)


def test_deep_nesting_is_written_by_the_slower_writer() -> None:
    value: object = 1
    for _ in range(300):
        value = [value]
    assert b"[" * 300 + b"1" + b"]" * 300 == as_json(value)


def test_what_is_not_json_is_refused_without_its_value() -> None:
    with pytest.raises(ValueError, match=r"^the body is not JSON: TypeError$"):
        as_json({"who": {"a@example.com"}})
    deep: object = 1
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(ValueError, match=r"^the body is not JSON: RecursionError$"):
        as_json(deep)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | TEXT, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner)
    )
)
def test_json_survives_the_journey(value: object) -> None:
    assert value == json.loads(as_json(value))


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (b"abc", "identity"),
        (gzip.compress(b"abc"), "GZIP"),
        (zlib.compress(b"abc"), "deflate"),
        (zlib.compress(b"abc", wbits=-15), "deflate"),
    ],
)
def test_compressed_bodies_are_inflated(body: bytes, encoding: str) -> None:
    assert b"abc" == inflate(body, encoding, 3)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(b"abcd"), "gzip"),
        (gzip.compress(b"a" * 50_000_000), "gzip"),
        (gzip.compress(b"abc")[:-9], "gzip"),
        (b"abc", "gzip"),
        (b"abc", "br"),
    ],
    ids=["too long", "a bomb", "cut", "damaged", "unknown"],
)
def test_what_cannot_be_inflated_within_the_bound_is_nothing(body: bytes, encoding: str) -> None:
    assert inflate(body, encoding, 3) is None
