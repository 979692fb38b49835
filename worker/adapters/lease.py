"""Until when nobody else can own this member's partitions.

The broker gives a member's partitions away once it has heard nothing of it for the session's timeout. A member that was
stopped, or cut off, learns of that only afterwards: so it believes in its ownership no longer than two thirds of the
session after it *sent* what the broker answered well. (Not after the answer came: one that lay in the socket while the
process stood still says nothing about now.) The last third is for the requests that are under way by then.

What no lease can cover: a second process with the same static member id, and a member that is put out for not joining
a rebalance, are replaced at once, without a wait. Both learn of it by their next heartbeat or commit, which end it.
"""

from __future__ import annotations

from typing import Final

SHARE: Final = 2 / 3  # of the session's timeout
NEVER: Final = float("-inf")


class Lease:
    """One member's. Written on kafka-python's I/O thread, read from any. Times are those of the consumer's clock."""

    __slots__ = ("_seconds", "until")

    def __init__(self, session_timeout: float) -> None:
        self.until = NEVER
        self._seconds = session_timeout * SHARE

    def renew(self, sent: float) -> None:
        """The broker took a heartbeat, a commit or a join that was sent then."""
        self.until = max(self.until, sent + self._seconds)

    def end(self) -> None:
        """This member is out of its group, or soon will be."""
        self.until = NEVER
