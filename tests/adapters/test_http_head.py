"""A request's head, to the letter."""

from __future__ import annotations

from string import ascii_letters, digits

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.adapters.http_bounds import USER_AGENT
from worker.adapters.http_head import Origin, head_of, located, origin_of

VENDOR = Origin("https", "v.example", 443)


def test_a_head_is_a_request_line_and_header_lines() -> None:
    expected = (
        "POST /learn?a=1 HTTP/1.1\r\n"
        f"User-Agent: {USER_AGENT}\r\nAccept: */*\r\nAccept-Encoding: identity\r\n"
        "Authorization: Bearer t\r\nHost: v.example\r\n"
    )
    assert expected.encode() == head_of("POST", VENDOR, "/learn?a=1", (("Authorization", "Bearer t"),))


@pytest.mark.parametrize(
    ("url", "origin", "authority"),
    [
        ("https://v.example", VENDOR, "v.example"),
        ("HTTPS://V.Example:443/", VENDOR, "v.example"),
        ("http://v.example:443", Origin("http", "v.example", 443), "v.example:443"),
        ("http://[::1]:8080/a", Origin("http", "::1", 8080), "[::1]:8080"),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, origin: Origin, authority: str) -> None:
    assert (origin, authority) == (origin_of(url), origin_of(url).authority)


@pytest.mark.parametrize("url", ["ftp://v.example", "v.example", "https://", "https://ann@v.example", "https://v:x/"])
def test_what_is_no_origin_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"none of HTTP|[Pp]ort"):
        origin_of(url)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://v.example", "/"),
        ("https://v.example?a=1", "/?a=1"),
        ("https://v.example#part", "/"),
        ("https://v.example/a/b?c=%2F#part", "/a/b?c=%2F"),
        ("https://v.example//a", "//a"),
    ],
)
def test_what_follows_the_origin_is_the_target(url: str, path: str) -> None:
    assert (VENDOR, path) == located(url)


@given(
    st.lists(
        st.tuples(
            st.text(ascii_letters + digits + "-", min_size=1).filter(lambda name: name.lower() != "host"),
            st.text(st.characters(min_codepoint=32, exclude_characters="\x7f", codec="utf-8")),
        ),
        unique_by=lambda header: header[0].lower(),
    )
)
def test_whatever_a_header_may_say_it_stays_one_line(headers: list[tuple[str, str]]) -> None:
    lines = head_of("GET", VENDOR, "/", tuple(headers)).decode().split("\r\n")
    said = dict(line.split(": ", 1) for line in lines[1:-1])
    assert dict(headers) == {name: said[name] for name, _ in headers}
    assert "v.example" == said["Host"]


@given(st.sampled_from(["\r", "\n", "\0", "\x7f", "a\r\nX: y"]), st.booleans())
def test_what_would_end_a_line_is_refused(evil: str, in_name: bool) -> None:
    header = (f"X{evil}", "1") if in_name else ("X", f"1{evil}")
    with pytest.raises(ValueError, match="none"):
        head_of("GET", VENDOR, "/", (header,))
