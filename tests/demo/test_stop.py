"""A demo that is told to stop does so, wherever it happens to be."""

from __future__ import annotations

import signal

import pytest

from worker.demo import Stop


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_that_gets_lost_is_found_at_the_next_look(number: signal.Signals) -> None:
    stop = Stop()
    with stop.heeded():
        stop.look()  # not told yet
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
        # As if a finalizer had swallowed it.
        with pytest.raises(KeyboardInterrupt):
            stop.look()


def test_what_signals_did_before_they_do_afterwards() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with Stop().heeded():
        assert before != [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert before == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
