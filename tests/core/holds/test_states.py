from __future__ import annotations

from tools.transitions import PAGE, page
from worker.core.holds.states import HELD, TRANSITIONS, Signal, State


def test_the_picture_in_the_docs_is_made_from_the_table() -> None:
    assert page() == PAGE.read_text(encoding="utf-8"), "write it anew: python -m tools.transitions"


def test_the_picture_has_every_transition() -> None:
    assert len(TRANSITIONS) == page().count(" --> ") - 1  # one arrow is the beginning


def test_every_state_is_reached_and_left() -> None:
    assert set(State) == set(TRANSITIONS.values()) == {state for state, _ in TRANSITIONS}


def test_every_signal_does_something() -> None:
    assert set(Signal) == {signal for _, signal in TRANSITIONS}


def test_a_lane_holds_where_it_is_neither_open_nor_starting() -> None:
    assert set(State) - {State.OPEN, State.SLOW_START} == HELD
