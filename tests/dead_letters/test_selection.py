"""Which letters are meant."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import a_message
from tests.dead_letters.letters import WRITTEN, a_letter
from worker.commands.letter_box import selection_of
from worker.config import SetupError
from worker.dead_letters.letter import letter_of
from worker.dead_letters.selection import Selection, instant, moment

LETTER = a_letter(a_message(userId="u9"))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, True),
        ({"reasons": frozenset({"bug", "refused"})}, True),
        ({"reasons": frozenset({"bug"})}, False),
        ({"since": WRITTEN}, True),
        ({"since": WRITTEN + 0.001}, False),
        ({"until": WRITTEN}, False),
        ({"until": WRITTEN + 0.001}, True),
        ({"user": "u9"}, True),
        ({"user": "u1"}, False),
        ({"message_id": "m1"}, True),
        ({"message_id": "m2"}, False),
        ({"message_id": "m1", "user": "u1"}, False),
    ],
)
def test_everything_that_is_given_must_hold(fields: dict[str, Any], expected: bool) -> None:
    assert expected == Selection(**fields).takes(letter_of(LETTER), LETTER)


def test_nothing_given_means_all() -> None:
    assert [True, False] == [each.takes_all for each in (Selection(), Selection(user="u1"))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("4h", 1_000_000 - 14_400), ("90", 1_000_000 - 90), ("1970-01-02T00:00:00Z", 86_400), ("1970-01-02", 86_400)],
)
def test_a_moment_is_so_long_ago_or_a_time(text: str, expected: float) -> None:
    assert expected == moment(text, 1_000_000)


@pytest.mark.parametrize("text", ["yesterday", "", "latest", "4 fortnights"])
def test_what_is_no_moment_is_told_with_what_is(text: str) -> None:
    with pytest.raises(SetupError) as told:
        selection_of((), text, None, None, None)
    expected = 'a duration like "4h" (so long ago) or a time like "2026-11-01T00:00:00Z"'
    assert (f'--since: found "{text}", expected {expected}',) == told.value.problems


def test_times_are_shown_in_utc() -> None:
    assert "2026-11-18 11:06:40" == instant(WRITTEN)
