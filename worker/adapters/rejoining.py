"""When a group has settled although somebody's partitions are missing.

kafka-python races its first JoinGroup against its first metadata: two members that start together can end as a stable
group with a partition that nobody owns, until the next rebalance, whenever that is. Reading the metadata before the
first poll avoids it; this is the second line. (Sixty starts of two members without that reading: 15 stood still, and
this ended each of them.)

It looks only at what a member knows by itself. The leader knows what it gave to nobody: partitions on their way from
one member to another, which another round must follow. Every member knows whether it has nothing. A rejoin makes the
broker start a round where the leader asks, and repeat a follower's assignment where another does: it disturbs nobody.
"""

from __future__ import annotations

LONGEST = 300.0


class Rejoining:
    """``patience`` is how long a round may be overdue, seconds: longer than any drain."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._empty_patience = patience
        self._empty_since: float | None = None
        self._incomplete_since: float | None = None
        self._round = 0

    def suspects(self, now: float, *, owned: int, rounds: int, unassigned: int) -> bool:
        """Whether to join anew. ``owned``: partitions of this member; the others are the assignor's."""
        return self._left_empty(now, owned) | self._left_incomplete(now, rounds, unassigned)

    def _left_empty(self, now: float, owned: int) -> bool:
        if owned:
            self._empty_since, self._empty_patience = None, self._patience
            return False
        if self._empty_since is None:
            self._empty_since = now
        if now - self._empty_since < self._empty_patience:
            return False
        # More members than partitions is ordinary: ask ever more seldom.
        self._empty_since, self._empty_patience = now, min(LONGEST, 2 * self._empty_patience)
        return True

    def _left_incomplete(self, now: float, rounds: int, unassigned: int) -> bool:
        if rounds != self._round or self._incomplete_since is None:
            self._round, self._incomplete_since = rounds, now
        if not unassigned or now - self._incomplete_since < self._patience:
            return False
        self._incomplete_since = now
        return True
