"""Letters that are out of date: a newer event of their user went to the destination."""

from __future__ import annotations

from tests.builders import ARecord, a_message, a_policy, a_record
from tests.dead_letters.letters import a_letter
from worker.core.letter_headers import Origin
from worker.core.records import Position, TopicPartition
from worker.dead_letters.letter import Place, key_of, letter_of
from worker.dead_letters.newer import Newer
from worker.dead_letters.settled import Settled

P3 = TopicPartition("events", 3)


def compared(*source: ARecord, letters: tuple[ARecord, ...] = (a_letter(),), dead: tuple[int, ...] = ()) -> set[Place]:
    """Which letters are out of date, where everything below offset 50 is settled."""
    newer = Newer(a_policy(types=frozenset({"track"})), Settled({P3: Position(50)}))
    for record in letters:
        newer.letter(letter_of(record), key_of(record))
    for offset in dead:
        newer.died(Origin("events", 3, offset, 0, 0))
    for record in source:
        newer.see(record)
    return newer.outdated


def an_event_at(offset: int, *, partition: int = 3, **fields: object) -> ARecord:
    return a_record(a_message(**fields), partition=partition, offset=offset)


def test_a_newer_event_of_the_user_makes_a_letter_old() -> None:
    assert {Place(2, 17)} == compared(an_event_at(42))


def test_the_event_itself_and_those_before_it_do_not() -> None:
    assert set() == compared(an_event_at(40), an_event_at(41))


def test_nor_does_another_users() -> None:
    assert set() == compared(an_event_at(42, userId="u2"))


def test_nor_one_of_another_partition() -> None:
    assert set() == compared(an_event_at(42, partition=1))


def test_nor_one_that_is_not_settled() -> None:
    assert set() == compared(an_event_at(50))


def test_nor_one_that_was_given_up_as_well() -> None:
    assert set() == compared(an_event_at(42), dead=(42,))


def test_nor_one_that_the_destination_does_not_want() -> None:
    assert set() == compared(an_event_at(42, type="identify"))


def test_nor_what_cannot_be_read() -> None:
    assert set() == compared(a_record(b"no json", offset=42, key=b"u1"))


def test_of_several_letters_only_those_before_the_newer_event_are_old() -> None:
    letters = (a_letter(offset=17, origin="events/3/41/0"), a_letter(offset=18, origin="events/3/43/0"))
    assert {Place(2, 17)} == compared(an_event_at(42), letters=letters)
    assert {Place(2, 17), Place(2, 18)} == compared(an_event_at(42), an_event_at(44), letters=letters)


def test_a_later_member_of_the_same_envelope_is_newer() -> None:
    envelope = a_record({"batch": [a_message(), a_message()]}, offset=41)
    assert {Place(2, 17)} == compared(envelope)
    assert set() == compared(envelope, letters=(a_letter(origin="events/3/41/1"),))


def test_each_source_is_read_from_its_oldest_letter() -> None:
    newer = Newer(a_policy(), Settled({}))
    for record in (a_letter(origin="events/3/41/0"), a_letter(origin="events/3/12/0"), a_letter(origin="other/0/7/2")):
        newer.letter(letter_of(record), key_of(record))
    assert {P3: 12, TopicPartition("other", 0): 7} == newer.begins
