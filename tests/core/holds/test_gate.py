from __future__ import annotations

from itertools import pairwise
from math import inf, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mappings.contract import Quota
from worker.core.concurrency import Concurrency
from worker.core.holds.gate import Change, Gate
from worker.core.holds.states import HELD, TRANSITIONS, Signal, State

NOW = 1_000.0
HELD_BY = {
    State.LIMITED: Signal.OVER_LIMIT,
    State.SETUP: Signal.SETUP_REFUSED,
    State.LOGIN: Signal.LOGIN_FAILED,
    State.BREAKER: Signal.TRIPPED,
    State.REJECT_GUARD: Signal.ALL_REFUSED,
}
OPENED_BY = {
    State.LIMITED: Signal.NOT_LIMITED,
    State.SETUP: Signal.ACCEPTED,
    State.LOGIN: Signal.LOGGED_IN,
    State.BREAKER: Signal.SUCCEEDED,
    State.REJECT_GUARD: Signal.DELIVERED,
}


def a_gate(state: State = State.OPEN, *, concurrency: int = 8, wait: float | None = None) -> Gate:
    """A gate that came into ``state`` at NOW."""
    gate = Gate(Concurrency(concurrency, adaptive=False))
    if state in HELD:
        gate.signal(HELD_BY[state], NOW, wait=wait)
    elif state is State.SLOW_START:
        gate.signal(Signal.TRIPPED, NOW)
        gate.signal(Signal.SUCCEEDED, NOW)
    gate.changes.clear()
    return gate


# --- The table


@pytest.mark.parametrize("state", [State.OPEN, State.SLOW_START])
@pytest.mark.parametrize(("held", "signal"), HELD_BY.items())
def test_a_lane_that_flows_is_held_by_what_is_wrong(state: State, held: State, signal: Signal) -> None:
    gate = a_gate(state)
    assert gate.signal(signal, NOW + 1.0, "because")
    assert (held, "because", NOW + 1.0, True) == (gate.state, gate.why, gate.since, gate.held)
    assert [Change(state, held, "because")] == gate.changes


@pytest.mark.parametrize("held", HELD)
@pytest.mark.parametrize("signal", Signal)
def test_a_lane_that_holds_is_opened_by_its_own_signal_alone(held: State, signal: Signal) -> None:
    gate = a_gate(held)
    assert (signal is OPENED_BY[held]) == gate.signal(signal, NOW)
    assert (State.SLOW_START if signal is OPENED_BY[held] else held) is gate.state


@pytest.mark.parametrize("held", HELD)
def test_what_is_heard_while_it_holds_changes_no_probe(held: State) -> None:
    gate = a_gate(held, wait=5.0)
    due = gate.probe_at
    for signal in HELD_BY.values():
        gate.signal(signal, NOW + 1.0, "again", wait=900.0)
    assert (due, "", NOW, []) == (gate.probe_at, gate.why, gate.since, gate.changes)


def test_after_every_hold_comes_a_slow_start() -> None:
    assert dict.fromkeys(HELD, State.SLOW_START) == {
        state: after for (state, _), after in TRANSITIONS.items() if state in HELD
    }


def test_only_a_slow_start_leads_to_open() -> None:
    assert {(State.SLOW_START, Signal.CAUGHT_UP)} == {way for way, after in TRANSITIONS.items() if after is State.OPEN}


# --- When to probe


@pytest.mark.parametrize(
    ("wait", "seconds"),
    [(None, 60.0), (7.0, 7.0), (3600.0, 3600.0), (3601.0, 3600.0), (1e9, 3600.0), (0.0, 1.0), (-5.0, 1.0)],
)
def test_a_limited_lane_probes_at_the_time_named_at_most_an_hour_away(wait: float | None, seconds: float) -> None:
    gate = a_gate(State.LIMITED, wait=wait)
    assert NOW + seconds == gate.probe_at
    gate.probing()
    gate.probe_failed(NOW + 100.0, wait)
    assert NOW + 100.0 + seconds == gate.probe_at


def test_a_refused_set_up_is_probed_at_once_and_then_every_minute() -> None:
    gate = a_gate(State.SETUP, wait=900.0)
    assert NOW == gate.probe_at
    gate.probe_failed(NOW + 1.0, 900.0)
    assert NOW + 61.0 == gate.probe_at


@pytest.mark.parametrize(("wait", "first", "then"), [(None, 0.0, 60.0), (7.0, 7.0, 7.0), (0.0, 0.0, 0.0)])
def test_a_login_is_tried_again_when_it_says(wait: float | None, first: float, then: float) -> None:
    gate = a_gate(State.LOGIN, wait=wait)
    assert NOW + first == gate.probe_at
    gate.probe_failed(NOW + 100.0, wait)
    assert NOW + 100.0 + then == gate.probe_at


def test_a_breaker_is_probed_after_5_seconds_doubling_to_60() -> None:
    gate = a_gate(State.BREAKER)
    waits = [gate.probe_at]
    for _ in range(5):
        gate.probe_failed(NOW)
        waits.append(gate.probe_at)
    assert [NOW + wait for wait in (5.0, 10.0, 20.0, 40.0, 60.0, 60.0)] == waits


def test_a_breaker_waits_longer_where_the_vendor_asks_for_it_and_never_shorter() -> None:
    gate = a_gate(State.BREAKER)
    gate.probe_failed(NOW, 100.0)
    assert NOW + 100.0 == gate.probe_at
    gate.probe_failed(NOW, 1.0)
    assert NOW + 20.0 == gate.probe_at


def test_a_second_trip_begins_with_5_seconds_again() -> None:
    gate = a_gate(State.BREAKER)
    for _ in range(5):
        gate.probe_failed(NOW)
    gate.signal(Signal.SUCCEEDED, NOW)
    gate.signal(Signal.TRIPPED, NOW)
    assert NOW + 5.0 == gate.probe_at


def test_a_probe_is_due_at_its_time_and_there_is_one_at_a_time() -> None:
    gate = a_gate(State.BREAKER)
    assert [False, True] == [gate.probe_due(NOW + at) for at in (4.9, 5.0)]
    gate.probing()
    assert not gate.probe_due(NOW + 1e9)


def test_a_lane_that_flows_has_no_probe() -> None:
    gate = a_gate()
    gate.probe_failed(NOW)
    gate.probe_said_nothing(NOW)
    assert gate.probe_at is None


@pytest.mark.parametrize("held", HELD)
def test_a_probe_that_said_nothing_is_followed_by_another_at_once(held: State) -> None:
    gate = a_gate(held)
    gate.probing()
    gate.probe_said_nothing(NOW + 3.0)
    assert NOW + 3.0 == gate.probe_at


@pytest.mark.parametrize("held", HELD)
def test_an_opened_lane_has_neither_a_probe_nor_an_operation_that_it_asks_about(held: State) -> None:
    gate = a_gate(held)
    gate.operation = "track"
    gate.signal(OPENED_BY[held], NOW)
    assert [None, None] == [gate.probe_at, gate.operation]


# --- Slow start


@pytest.mark.parametrize("concurrency", [1, 2, 5, 8, 512])
def test_after_a_hold_1_2_4_and_so_on_are_open_up_to_all(concurrency: int) -> None:
    gate = a_gate(State.SLOW_START, concurrency=concurrency)
    rooms = [gate.room(NOW)]
    while gate.state is State.SLOW_START:
        for _ in range(rooms[-1]):
            gate.answered_well(NOW)
        rooms.append(gate.room(NOW))
    powers = [2**power for power in range(10) if 2**power < concurrency]
    assert ([*powers, concurrency] if concurrency > 1 else [1, 1]) == rooms
    assert State.OPEN is gate.state


@pytest.mark.parametrize("state", [State.OPEN, *HELD])
def test_good_answers_widen_nothing_but_a_slow_start(state: State) -> None:
    gate = a_gate(state)
    gate.answered_well(NOW)
    assert (state, 8) == (gate.state, gate.room(NOW))


def test_a_hold_during_a_slow_start_begins_it_anew() -> None:
    gate = a_gate(State.SLOW_START)
    gate.answered_well(NOW)
    gate.signal(Signal.TRIPPED, NOW)
    gate.signal(Signal.SUCCEEDED, NOW)
    assert 1 == gate.room(NOW)


# --- Quota


def test_no_more_are_open_than_the_vendor_has_left() -> None:
    gate = a_gate()
    gate.quota(Quota(3, NOW + 10.0), NOW)
    assert [3, 3, 8] == [gate.room(NOW + at) for at in (0.0, 9.9, 10.0)]
    assert gate.quota_until is None


def test_a_generous_quota_allows_no_more_than_the_concurrency() -> None:
    gate = a_gate()
    gate.quota(Quota(100, NOW + 10.0), NOW)
    assert 8 == gate.room(NOW)
    assert NOW + 10.0 == gate.quota_until


@pytest.mark.parametrize("left", [0, -1])
def test_a_quota_that_is_used_up_holds_until_it_is_renewed(left: int) -> None:
    gate = a_gate()
    gate.quota(Quota(left, NOW + 30.0), NOW)
    assert (State.LIMITED, NOW + 30.0, "the vendor's quota is used up") == (gate.state, gate.probe_at, gate.why)


@pytest.mark.parametrize(
    ("until", "seconds"), [(NOW * 1e3, 3600.0), (inf, 3600.0), (0.0, 1.0), (-inf, 1.0), (nan, 1.0)]
)
def test_a_used_up_quota_holds_an_hour_at_most_whatever_its_end(until: float, seconds: float) -> None:
    gate = a_gate()
    gate.quota(Quota(0, until), NOW)
    assert NOW + seconds == gate.probe_at


@pytest.mark.parametrize(("until", "seconds"), [(NOW * 1e3, 3600.0), (inf, 3600.0), (0.0, 0.0), (nan, 0.0)])
def test_a_quota_is_believed_for_an_hour_at_most(until: float, seconds: float) -> None:
    gate = a_gate()
    gate.quota(Quota(1, until), NOW)
    assert NOW + seconds == gate.quota_until
    assert 8 == gate.room(NOW + seconds)


def test_while_it_holds_a_quota_is_not_looked_at() -> None:
    gate = a_gate(State.LIMITED, wait=60.0)
    gate.quota(Quota(5, NOW + 10.0), NOW)
    gate.quota(Quota(0, NOW + 1.0), NOW)
    assert (None, NOW + 60.0) == (gate.quota_until, gate.probe_at)


def test_a_quota_from_before_a_hold_says_nothing_after_it() -> None:
    gate = a_gate()
    gate.quota(Quota(3, NOW + 3600.0), NOW)
    gate.signal(Signal.TRIPPED, NOW)
    gate.signal(Signal.SUCCEEDED, NOW)
    assert gate.quota_until is None


# --- Whatever is heard


class Signals(RuleBasedStateMachine):
    """Any sequence of signals, answers and probes, beside the table."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = Gate(Concurrency(4, adaptive=False))
        self.state = State.OPEN
        self.allowed = 4
        self.now = NOW

    @rule(
        signal=st.sampled_from([one for one in Signal if one is not Signal.CAUGHT_UP]),
        wait=st.none() | st.floats(0, 3600),
    )
    def something_is_learnt(self, signal: Signal, wait: float | None) -> None:
        after = TRANSITIONS.get((self.state, signal), self.state)
        assert (after is not self.state) == self.gate.signal(signal, self.now, wait=wait)
        self.allowed = 1 if after is State.SLOW_START is not self.state else self.allowed
        self.state = after

    @rule()
    def an_answer_is_good(self) -> None:
        self.gate.answered_well(self.now)
        if self.state is State.SLOW_START:
            self.allowed += 1
            self.state = State.OPEN if self.allowed == 4 else self.state

    @rule(wait=st.none() | st.floats(0, 3600), failed=st.booleans())
    def a_probe_is_tried_where_it_is_due(self, wait: float | None, failed: bool) -> None:
        if self.gate.probe_due(self.now):
            self.gate.probing()
            assert not self.gate.probe_due(self.now)
            (self.gate.probe_failed(self.now, wait) if failed else self.gate.probe_said_nothing(self.now))

    @rule(seconds=st.sampled_from([0.5, 5.0, 60.0, 3600.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def the_state_is_what_the_table_says(self) -> None:
        assert (self.state, self.state in HELD) == (self.gate.state, self.gate.held)

    @invariant()
    def while_it_flows_as_many_are_allowed_as_were_earned(self) -> None:
        assert self.gate.held or self.allowed == self.gate.room(self.now)

    @invariant()
    def while_it_holds_a_probe_is_due_within_the_hour(self) -> None:
        assert (self.gate.probe_at is not None) == self.gate.held
        assert self.gate.probe_at is None or self.gate.probe_at <= self.now + 3600.0


Signals.TestCase.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
TestSignals = Signals.TestCase


@given(st.lists(st.sampled_from(Signal), max_size=30))
def test_every_change_is_told_once_and_in_order(signals: list[Signal]) -> None:
    gate, states = Gate(Concurrency(4, adaptive=False)), [State.OPEN]
    for signal in signals:
        after = TRANSITIONS.get((states[-1], signal))
        if after is not None:
            states.append(after)
        gate.signal(signal, NOW, signal.value)
    assert list(pairwise(states)) == [(change.before, change.after) for change in gate.changes]
