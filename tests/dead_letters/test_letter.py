"""What a dead letter's record says of it."""

from __future__ import annotations

import pytest

from tests.builders import a_message, a_record
from tests.dead_letters.letters import WRITTEN, a_letter
from worker.core.letter_headers import Origin
from worker.dead_letters.letter import Letter, Place, key_of, letter_of, replayed_by


def test_a_letter_is_what_its_headers_say() -> None:
    expected = Letter(
        place=Place(2, 17),
        written=WRITTEN,
        reason="refused",
        origin=Origin("events", 3, 41, 0, 1_770_631_900_000),
        status="422",
        attempts="1",
        message_id="m1",
        has_value=True,
        replay_of=None,
    )
    assert expected == letter_of(a_letter())


def test_a_record_that_is_no_letter_of_ours_is_one_of_an_unknown_reason() -> None:
    letter = letter_of(a_record(b"x", topic="relay.dead-letters", partition=0, offset=5))
    expected = ("unknown", "-", "-", "-", "relay.dead-letters/0/5/0")
    assert expected == (letter.reason, letter.status, letter.attempts, letter.message_id, str(letter.origin))


def test_a_letter_that_was_too_large_has_no_value() -> None:
    assert not letter_of(a_letter(None, value="too-large")).has_value


def test_a_tombstone_has_a_value_of_its_own_kind() -> None:
    assert letter_of(a_letter(None)).has_value


@pytest.mark.parametrize(
    ("said", "expected"),
    [("2/17", Place(2, 17)), (None, None), ("", None), ("2", None), ("/17", None), ("a/17", None), ("2/-1", None)],
)
def test_a_replay_names_its_letter(said: str | None, expected: Place | None) -> None:
    assert expected == replayed_by(a_letter(letter=said))


def test_the_user_is_the_ordering_key() -> None:
    assert "u9" == key_of(a_letter(a_message(userId="u9"), key=b"other"))


def test_the_user_of_what_cannot_be_read_is_the_records_key() -> None:
    assert ["the key", ""] == [key_of(a_letter(b"no json", key=key)) for key in (b"the key", None)]


def test_an_event_of_nobody_has_the_key_that_it_had() -> None:
    nobody = a_message(userId=..., anonymousId=...)
    assert "\0events/3/41/0" == key_of(a_letter(nobody, key=None))
