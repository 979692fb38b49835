from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from worker.core.places import NOWHERE, Places

SLOTS = 8
LARGEST = (1 << 64) - 1


def test_nothing_has_a_place_at_first() -> None:
    assert [NOWHERE, NOWHERE] == [Places(SLOTS).get(0), Places(SLOTS).get(LARGEST)]


def test_the_largest_number_and_the_largest_place_are_kept_whole() -> None:
    places = Places(SLOTS)
    places.set(LARGEST, (1 << 32) - 2)
    assert ((1 << 32) - 2, 1) == (places.get(LARGEST), places.taken)


def test_a_quarter_of_the_slots_stays_empty() -> None:
    assert (6, 3 << 17) == (Places(SLOTS).most, Places(1 << 19).most)


class Numbers(RuleBasedStateMachine):
    """Beside a dictionary. Numbers are few and meet in few slots, so that they step over each other."""

    numbers = st.sampled_from([at + lap * SLOTS for at in (0, 1, 6, 7) for lap in range(4)])

    def __init__(self) -> None:
        super().__init__()
        self.places = Places(SLOTS)
        self.known: dict[int, int] = {}

    @precondition(lambda self: self.places.taken < self.places.most)
    @rule(number=numbers, place=st.integers(0, (1 << 32) - 2))
    def one_is_set(self, number: int, place: int) -> None:
        self.places.set(number, place)
        self.known[number] = place

    @rule(number=numbers)
    def one_is_dropped(self, number: int) -> None:
        self.places.drop(number)
        self.known.pop(number, None)

    @invariant()
    def each_is_found_where_it_was_set(self) -> None:
        every = [at + lap * SLOTS for at in range(SLOTS) for lap in range(4)]
        found = {number: place for number in every if (place := self.places.get(number)) != NOWHERE}
        assert (self.known, len(self.known)) == (found, self.places.taken)


Numbers.TestCase.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
TestNumbers = Numbers.TestCase
