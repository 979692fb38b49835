"""What a sink does to whom: nothing, a hundredth refused, a tenth of the users slow or refused for a while."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

SHARE = 0.01  # of all requests, where any may be refused
SICK = 10  # one user in so many, where some are slow or refused
SLOW = 2.0  # seconds


class Kind(StrEnum):
    NONE = "none"
    FLAKY = "flaky"
    SLOW = "slow"
    DOWN = "down"


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


@dataclass(frozen=True, slots=True)
class Trouble:
    """``slow`` and ``down`` end ``seconds`` after the first request."""

    kind: Kind = Kind.NONE
    seconds: float = 0.0

    def reply(self, user: int, since: float, chance: float) -> Reply:
        """For a request of this user so many seconds after the first one; ``chance`` is drawn from 0 to 1."""
        match self.kind:
            case Kind.FLAKY if chance < SHARE:
                return BUSY
            case Kind.SLOW if is_sick(user) and since < self.seconds:
                return LATE
            case Kind.DOWN if is_sick(user) and since < self.seconds:
                return BROKEN
            case _:
                return OK


WELL = Trouble()


def is_sick(user: int) -> bool:
    """Whether it is one of those whom ``slow`` and ``down`` are about; the others are the healthy."""
    return user % SICK == 0
