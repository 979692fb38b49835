"""A secret in a text, however it is written there."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus

import pytest

from worker.settings.masking import without, without_misplaced

ODD = "p\"a's\\s +%&/é"


@pytest.mark.parametrize(
    "written",
    [
        ODD,
        quote(ODD, safe=""),
        quote_plus(ODD),
        json.dumps(ODD)[1:-1],
        json.dumps(ODD, ensure_ascii=False)[1:-1],
        repr(ODD)[1:-1],
        base64.b64encode(ODD.encode()).decode(),
    ],
)
def test_a_secret_is_found_however_it_is_written(written: str) -> None:
    assert "the ******** one" == without(f"the {written} one", [ODD])


@pytest.mark.parametrize("written", ["pass/word", "pass%2Fword", base64.b64encode(b"relay:pass/word").decode()])
def test_the_password_of_an_address_is_a_secret_too(written: str) -> None:
    assert "the ********" == without(f"the {written}", ["http://relay:pass%2Fword@proxy.example:3128"])


def test_a_secret_that_looks_like_half_an_address_is_one_all_the_same() -> None:
    assert "the ********" == without("the //[half", ["//[half"])


def test_a_very_short_secret_and_none_at_all_leave_the_text_as_it_is() -> None:
    assert ["a cat", "a cat"] == [without("a cat", ["a"]), without("a cat", [])]


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        ('"https://relay:hush@wigzo.example"', '"********@wigzo.example"'),
        (
            '["relay:hu@sh@kafka.example:9092", "kafka.example:9092"]',
            '["********@kafka.example:9092", "kafka.example:9092"]',
        ),
        ('"https://api.example/?token=hush"', '"https://api.example/?********"'),
        ('"xml"', '"xml"'),
    ],
)
def test_a_wrong_value_is_shown_without_a_password_in_the_wrong_place(found: str, shown: str) -> None:
    assert shown == without_misplaced(found)
