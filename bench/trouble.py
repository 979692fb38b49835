"""What a sink does to whom: nothing, a hundredth refused, a tenth of the users slow or refused for a while, everybody
slower for a while, whoever comes when too many are open refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

SHARE = 0.01  # of all requests, where any may be refused
SICK = 10  # one user in so many, where some are slow or refused
SLOW = 2.0  # seconds
SLOWER = 0.45  # seconds more for everybody
ROOM = 200  # requests at once, where more are refused


class Kind(StrEnum):
    NONE = "none"
    FLAKY = "flaky"
    SLOW = "slow"
    DOWN = "down"
    SLOWER = "slower"
    REFUSES = "refuses"  # 429
    BUSY = "busy"  # 503


@dataclass(frozen=True, slots=True)
class Reply:
    """How one request is answered: the status, and after how many seconds more than the sink's latency asks for."""

    status: int = 200
    wait: float = 0.0

    @property
    def accepted(self) -> bool:
        return self.status == OK.status


OK = Reply()
BUSY = Reply(503)
BROKEN = Reply(500)
LATE = Reply(200, SLOW)
LATER = Reply(200, SLOWER)
TOO_MANY = Reply(429)


@dataclass(frozen=True, slots=True)
class Trouble:
    """``slow`` and ``down`` end ``seconds`` after the first request, ``slower`` is the second third of them."""

    kind: Kind = Kind.NONE
    seconds: float = 0.0

    def reply(self, user: int, since: float, chance: float, open_: int = 0) -> Reply:
        """For a request of this user so many seconds after the first one, while so many others are open.

        ``chance`` is drawn from 0 to 1.
        """
        match self.kind:
            case Kind.FLAKY if chance < SHARE:
                return BUSY
            case Kind.SLOW if is_sick(user) and since < self.seconds:
                return LATE
            case Kind.DOWN if is_sick(user) and since < self.seconds:
                return BROKEN
            case Kind.SLOWER if self.seconds < 3 * since < 2 * self.seconds:
                return LATER
            case Kind.REFUSES if open_ >= ROOM:
                return TOO_MANY
            case Kind.BUSY if open_ >= ROOM:
                return BUSY
            case _:
                return OK


WELL = Trouble()


def is_sick(user: int) -> bool:
    """Whether it is one of those whom ``slow`` and ``down`` are about; the others are the healthy."""
    return user % SICK == 0
