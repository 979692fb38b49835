"""What became of replayed letters."""

from __future__ import annotations

from tests.dead_letters.letters import a_letter
from worker.core.records import Position, TopicPartition
from worker.dead_letters.fates import Fates
from worker.dead_letters.letter import Place, letter_of
from worker.dead_letters.settled import Settled

P0 = TopicPartition("relay.replay", 0)


def three_replayed() -> Fates:
    """Letters 2/1, 2/2 and 2/3 stand in the replay topic at 0/11, 0/12 and 0/13."""
    fates = Fates("relay.replay")
    for offset in (1, 2, 3):
        fates.replayed(Place(2, offset), Place(0, offset + 10))
    return fates


def test_at_first_all_wait() -> None:
    fates = three_replayed()
    assert ({"still waiting": 3}, 3, False) == (fates.counts(), fates.waiting, fates.all_well)


def test_what_is_settled_and_no_letter_again_went_where_it_should() -> None:
    fates = three_replayed()
    fates.committed(Settled({P0: Position(14)}))
    expected = {"delivered, or not wanted any more (filtered, skipped)": 3}
    assert (expected, 0, True) == (fates.counts(), fates.waiting, fates.all_well)


def test_what_is_a_letter_again_says_why() -> None:
    fates = three_replayed()
    fates.committed(Settled({P0: Position(12)}))
    fates.given_up(letter_of(a_letter(offset=30, reason="bug", letter="2/2")))
    assert [
        "letters  what became of them",
        "1        delivered, or not wanted any more (filtered, skipped)",
        "1        dead letter again: bug",
        "1        still waiting",
    ] == list(fates.lines())
    fates.committed(Settled({P0: Position(14)}))
    assert (0, False) == (fates.waiting, fates.all_well)


def test_other_letters_say_nothing() -> None:
    fates = three_replayed()
    for said in (None, "2/9"):
        fates.given_up(letter_of(a_letter(letter=said)))
    assert {"still waiting": 3} == fates.counts()
