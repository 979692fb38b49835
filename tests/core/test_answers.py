from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from math import inf, nan
from time import tzset
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.contract import Limited, Meaning, Refused, Response, Transient, WrongSetup
from tests.builders import a_destination, a_request
from worker.core.answers import (
    LONGEST_WAIT,
    TO_FLOW,
    TOKEN_REFUSED,
    EventRefused,
    Failed,
    OverLimit,
    SetupRefused,
    Verdict,
    verdict,
    wished_wait,
)
from worker.core.faults import Fault, FaultKind

NOW = 1_770_631_872.0  # 2026-02-09T10:11:12Z
IN_A_MINUTE = "Mon, 09 Feb 2026 10:12:12 GMT"
PLAIN = a_destination()
WITH_LOGIN = a_destination(login=lambda _: None)
AFTER_7 = {"retry-after": "7"}


def meant(answer: Response | Fault, meaning: Callable[[Response], Meaning | None] | None = None) -> Verdict:
    return verdict(a_request(), answer, a_destination(meaning=meaning), NOW)


# --- The table


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        # 2xx goes to the flow
        (Response(200, body=b'{"id": 1}'), TO_FLOW),
        (Response(201), TO_FLOW),
        (Response(204, body=b""), TO_FLOW),
        (Response(200, AFTER_7), TO_FLOW),
        (Response(299, body=b"OK"), TO_FLOW),
        # cut, or over 256 KiB: the status counts
        (Response(200, body=None), TO_FLOW),
        # transient
        (Response(408), Failed("408")),
        (Response(425), Failed("425")),
        (Response(500), Failed("500")),
        (Response(502), Failed("502")),
        (Response(503), Failed("503")),
        (Response(504), Failed("504")),
        (Response(599), Failed("599")),
        (Response(100), Failed("100")),
        (Response(999), Failed("999")),
        (Response(408, AFTER_7), Failed("408", 7.0)),
        (Response(425, AFTER_7), Failed("425", 7.0)),
        (Response(500, AFTER_7), Failed("500", 7.0)),
        (Response(503, {"retry-after": "soon"}), Failed("503")),
        # limited
        (Response(429), OverLimit(None, account=False)),
        (Response(429, AFTER_7), OverLimit(7.0, account=False)),
        (Response(429, {"retry-after": "soon"}), OverLimit(None, account=False)),
        (Response(503, AFTER_7), OverLimit(7.0, account=False)),
        (Response(503, {"retry-after": IN_A_MINUTE}), OverLimit(60.0, account=False)),
        # wrong set-up
        (Response(401), SetupRefused("unauthorized")),
        (Response(403), SetupRefused("forbidden")),
        (Response(403, AFTER_7), SetupRefused("forbidden", wait=7.0)),
        (Response(300), SetupRefused("redirected")),
        (Response(301, {"location": "https://elsewhere.example"}), SetupRefused("redirected")),
        (Response(304), SetupRefused("redirected")),
        (Response(307, AFTER_7), SetupRefused("redirected", wait=7.0)),
        (Response(399), SetupRefused("redirected")),
        # other 4xx goes to the flow
        (Response(400), TO_FLOW),
        (Response(402), TO_FLOW),
        (Response(404), TO_FLOW),
        (Response(409), TO_FLOW),
        (Response(413), TO_FLOW),
        (Response(422), TO_FLOW),
        (Response(499), TO_FLOW),
    ],
)
def test_what_an_answer_means(answer: Response, expected: Verdict) -> None:
    assert expected == meant(answer)


@pytest.mark.parametrize("kind", FaultKind)
@pytest.mark.parametrize("written", [True, False])
def test_no_answer_is_a_failure_of_this_event(kind: FaultKind, written: bool) -> None:
    assert Failed(kind.value) == meant(Fault(kind, written=written))


def test_a_401_to_credentials_that_a_login_got_is_the_tokens_fault_at_first() -> None:
    assert TOKEN_REFUSED == verdict(a_request(), Response(401), WITH_LOGIN, NOW)


def test_a_401_to_a_request_without_credentials_is_a_wrong_set_up() -> None:
    assert SetupRefused("unauthorized") == verdict(a_request(login=False), Response(401), WITH_LOGIN, NOW)


# --- A 2xx that the vendor did not write


@pytest.mark.parametrize(
    "page",
    [
        b"<!DOCTYPE html><title>Back soon</title>",
        b"<!doctype HTML PUBLIC '-//W3C//DTD HTML 4.01//EN'>",
        b"\r\n\t <!DOCTYPE\nhtml>",
        b"<html>",
        b'<HTML lang="en">',
        b"\xef\xbb\xbf<!DOCTYPE html>",
        b'<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE html>',
        b"<!-- back\nsoon --> <!-- really --> <html>",
    ],
)
@pytest.mark.parametrize("label", ["application/json", "text/html"])
def test_a_2xx_with_a_page_is_a_maintenance_page_whatever_its_label(page: bytes, label: str) -> None:
    assert Failed("html") == meant(Response(200, {"content-type": label}, page))


@pytest.mark.parametrize(
    "body",
    [
        b'{"page": "<html>"}',
        b'["<html>"]',
        b'"<html>"',
        b"OK <html>",
        b"<?xml version='1.0'?><answer/>",
        b"<!DOCTYPE svg>",
        b"<htmlish/>",
        b"<!-- <html>",
        b" ",
    ],
)
def test_a_2xx_whose_label_alone_says_html_is_the_vendors(body: bytes) -> None:
    assert TO_FLOW == meant(Response(200, {"content-type": "text/html"}, body))


def test_a_page_that_is_all_comments_is_read_in_no_time() -> None:
    assert TO_FLOW == meant(Response(200, body=b"<!---->" * 35_000))


def test_a_page_with_another_status_is_judged_by_its_status() -> None:
    assert TO_FLOW == meant(Response(404, body=b"<!DOCTYPE html>"))


@pytest.mark.parametrize("body", [None, b"", b"[1]", b"7", b"null", b"{", b"\xff\xfe\xff", b"[" * 100_000])
def test_a_2xx_without_the_object_that_the_vendor_promises_is_transient(body: bytes | None) -> None:
    asked = a_request(method="GET", promises_object=True)
    assert Failed("no-object") == verdict(asked, Response(200, body=body), PLAIN, NOW)


def test_a_write_whose_answer_was_too_long_to_be_read_was_done_all_the_same() -> None:
    written = a_request(method="PUT", promises_object=True)
    assert TO_FLOW == verdict(written, Response(200, body=None), PLAIN, NOW)


def test_a_2xx_with_the_object_that_the_vendor_promises_goes_to_the_flow() -> None:
    assert TO_FLOW == verdict(a_request(promises_object=True), Response(200, body=b" {}"), PLAIN, NOW)


# --- The vendor's own words


@pytest.mark.parametrize("status", [200, 400, 403, 429, 500])
@pytest.mark.parametrize(
    ("word", "expected"),
    [
        (Transient(), Failed("transient")),
        (Transient(5.0), Failed("transient", 5.0)),
        (Transient(-5.0), Failed("transient", 0.0)),
        (Transient(inf), Failed("transient", LONGEST_WAIT)),
        (Transient(nan), Failed("transient")),
        (Limited(), OverLimit(None, account=True)),
        (Limited(wait=30.0), OverLimit(30.0, account=True)),
        (Limited(wait=-1.0), OverLimit(0.0, account=True)),
        (Limited(wait=1e9), OverLimit(LONGEST_WAIT, account=True)),
        (Limited(wait=nan), OverLimit(None, account=True)),
        (Limited(until=NOW + 9.0), OverLimit(9.0, account=True)),
        (Limited(until=NOW + 9.0, wait=30.0), OverLimit(9.0, account=True)),
        (Limited(until=NOW - 9.0), OverLimit(0.0, account=True)),
        (Limited(until=NOW * 1000), OverLimit(LONGEST_WAIT, account=True)),
        (Refused("no-such-list", "list 7"), EventRefused("no-such-list", "list 7")),
        (WrongSetup("no-right", "to write"), SetupRefused("no-right", "to write")),
    ],
)
def test_what_a_mapping_says_of_an_answer_comes_before_the_table(status: int, word: Meaning, expected: Verdict) -> None:
    assert expected == meant(Response(status, AFTER_7), lambda _: word)


def test_a_maintenance_page_is_not_shown_to_the_mapping() -> None:
    assert Failed("html") == meant(Response(200, body=b"<html>"), lambda _: Refused("no"))


@pytest.mark.parametrize(("status", "expected"), [(200, TO_FLOW), (404, TO_FLOW), (500, Failed("500"))])
def test_where_a_mapping_says_nothing_the_table_decides(status: int, expected: Verdict) -> None:
    assert expected == meant(Response(status), lambda _: None)


NONSENSE: list[Callable[[Response], Any]] = [
    lambda _: Limited(until="soon"),  # type: ignore[arg-type]
    lambda _: Transient("7"),  # type: ignore[arg-type]
    lambda _: Refused(7),  # type: ignore[arg-type]
    lambda _: Refused("no", None),  # type: ignore[arg-type]
    lambda _: WrongSetup({}),  # type: ignore[arg-type]
    lambda _: "limited",
    lambda _: True,
]


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_a_mapping_that_talks_nonsense_of_an_answer_has_said_nothing(nonsense: Callable[[Response], Any]) -> None:
    assert Failed("500") == meant(Response(500), nonsense)


def test_a_mapping_that_trips_over_an_answer_has_said_nothing() -> None:
    def trips(answer: Response) -> Meaning:
        return Refused(answer.headers["x-reason"])

    assert Failed("500") == meant(Response(500), trips)
    assert TO_FLOW == meant(Response(200), trips)


# --- Retry-After


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("3600", 3600.0),
        ("3601", LONGEST_WAIT),
        ("9" * 400, LONGEST_WAIT),
        (IN_A_MINUTE, 60.0),
        ("Monday, 09-Feb-26 10:12:12 GMT", 60.0),
        ("Mon Feb  9 10:12:12 2026", 60.0),
        ("Mon, 09 Feb 2026 11:12:12 +0100", 60.0),
        ("Mon, 09 Feb 2026 10:11:12 GMT", 0.0),
        ("Sun, 08 Feb 2026 10:11:12 GMT", 0.0),
        ("Tue, 10 Feb 2026 10:11:12 GMT", LONGEST_WAIT),
        ("", None),
        ("-7", None),
        ("+7", None),
        ("7.5", None),
        ("1e3", None),
        ("soon", None),
        ("٧", None),
        ("²", None),
        ("Mon, 99 Feb 2026 10:12:12 GMT", None),
        ("Mon, 99999999999999999999 Feb 2026 10:12:12 GMT", None),
        ("Mon, 09 Feb 99999 10:12:12 GMT", None),
        ("Mon, 09 Feb 2026 10:12:12 +9999", None),
    ],
)
def test_how_long_a_vendor_wishes_to_be_left_alone(text: str, expected: float | None) -> None:
    assert expected == wished_wait({"retry-after": text}, NOW)


def test_a_date_without_a_zone_is_no_local_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", "JST-9")
        tzset()
        wait = wished_wait({"retry-after": "Mon Feb  9 10:12:12 2026"}, NOW)
    tzset()
    assert 60.0 == wait


def test_without_the_header_there_is_no_wish() -> None:
    assert wished_wait({}, NOW) is None


@given(
    st.text(max_size=40) | st.from_regex(r"[A-Z][a-z]{2}, \d{1,3} [A-Z][a-z]{2} \d{1,6} \d\d:\d\d:\d\d( [-+]?\d{1,6})?")
)
def test_whatever_the_header_holds_the_wish_is_at_most_an_hour(text: str) -> None:
    wait = wished_wait({"retry-after": text}, NOW)
    assert wait is None or 0.0 <= wait <= LONGEST_WAIT


@given(st.integers(0, 3600), st.integers(-12, 12))
def test_a_date_is_understood_in_any_time_zone(seconds: int, hours: int) -> None:
    when = datetime.fromtimestamp(NOW + seconds, UTC).astimezone(timezone(timedelta(hours=hours)))
    assert float(seconds) == wished_wait({"retry-after": format_datetime(when)}, NOW)


@given(
    status=st.integers(100, 999),
    headers=st.dictionaries(st.sampled_from(["retry-after", "content-type", "location"]), st.text(max_size=30)),
    body=st.none() | st.binary(max_size=60),
    promises=st.booleans(),
)
def test_every_answer_has_a_meaning(status: int, headers: dict[str, str], body: bytes | None, promises: bool) -> None:
    said = verdict(a_request(promises_object=promises), Response(status, headers, body), PLAIN, NOW)
    if 200 <= status < 300:
        assert said in (TO_FLOW, Failed("html"), Failed("no-object"))
    else:
        assert (said == TO_FLOW) == (400 <= status < 500 and status not in (401, 403, 408, 425, 429))
