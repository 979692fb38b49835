"""The transitions of a lane's health, as one table. ``docs/transitions.md`` is made from it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class State(StrEnum):
    """The values are what metrics, logs and docs call it."""

    OPEN = "open"
    SLOW_START = "slow start"
    LIMITED = "limited"
    SETUP = "set-up"
    LOGIN = "login"
    BREAKER = "breaker"
    REJECT_GUARD = "reject guard"


class Signal(StrEnum):
    """What was learnt of the destination as a whole."""

    OVER_LIMIT = "over the limit"  # confirmed, or the vendor's word about the account
    SETUP_REFUSED = "set-up refused"  # confirmed
    LOGIN_FAILED = "login failed"
    TRIPPED = "breaker tripped"
    ALL_REFUSED = "everybody's events refused"
    NOT_LIMITED = "an answer that is not limited"
    ACCEPTED = "a 2xx of the refused operation"
    LOGGED_IN = "a login"
    SUCCEEDED = "one success"
    DELIVERED = "an event delivered"
    CAUGHT_UP = "as many open as allowed"


HELD: Final = frozenset({State.LIMITED, State.SETUP, State.LOGIN, State.BREAKER, State.REJECT_GUARD})

_CLOSING = {
    Signal.OVER_LIMIT: State.LIMITED,
    Signal.SETUP_REFUSED: State.SETUP,
    Signal.LOGIN_FAILED: State.LOGIN,
    Signal.TRIPPED: State.BREAKER,
    Signal.ALL_REFUSED: State.REJECT_GUARD,
}

# What is not here changes nothing: while a lane holds, only the hold's own signal opens it.
TRANSITIONS: Final[Mapping[tuple[State, Signal], State]] = MappingProxyType(
    {(flowing, signal): held for flowing in (State.OPEN, State.SLOW_START) for signal, held in _CLOSING.items()}
    | {
        (State.LIMITED, Signal.NOT_LIMITED): State.SLOW_START,
        (State.SETUP, Signal.ACCEPTED): State.SLOW_START,
        (State.LOGIN, Signal.LOGGED_IN): State.SLOW_START,
        (State.BREAKER, Signal.SUCCEEDED): State.SLOW_START,
        (State.REJECT_GUARD, Signal.DELIVERED): State.SLOW_START,
        (State.SLOW_START, Signal.CAUGHT_UP): State.OPEN,
    }
)
