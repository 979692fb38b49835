"""One partition's account of what is settled."""

from __future__ import annotations

from collections import deque

from worker.core.offset_map import FRAME, MAP_BYTES, NOTHING, OffsetMap, listing_bytes, members_bytes, trimmed

SLACK = 1_000  # settled offsets that may stay in the order beyond as many as are unsettled


class Ledger:
    """What is settled in one partition, for one assignment.

    ``committable`` never passes an unsettled event, so a crash repeats work but never loses it.

    Only offsets that were read are tracked: gaps left by compaction or transactions cost nothing and block nothing.

    What a commit has once said, no later one takes back. So the offset map must always fit its bytes, and a record is
    admitted only while it surely will, however the open ones settle (``worker.core.offset_map`` has the proof). The map
    that an earlier owner left counts from the beginning: its holes are as good as tracked, until they are read.

    A rebalance discards the ledger and builds a new one. A late settlement then lands in a ledger that nobody commits
    from, so no epoch or generation is needed.
    """

    __slots__ = ("_ahead", "_known", "_members", "_order", "_position", "_room", "_top", "_unsettled")

    def __init__(self, start: int, settled: OffsetMap = NOTHING) -> None:
        """``start``: the first offset to be read. ``settled``: what the commit's metadata said."""
        self._known = settled
        self._ahead = deque(hole for hole in settled.holes if hole >= start)  # holes of ``_known``, not read yet
        self._position = start
        self._top = start  # the highest tracked + 1
        self._unsettled: dict[int, int] = {}  # ascending; the bits of the value are the unsettled members
        self._order: deque[int] = deque()  # ascending: the unsettled, and settled ones not dropped yet
        self._members: dict[int, int] = {}  # of the unsettled envelopes, tracked or in ``_known``: how many
        self._room = MAP_BYTES - FRAME  # what those leave of the map
        for offset, bitmap in settled.partly.items():
            if offset >= start:
                self._reserve(offset, 8 * len(bitmap))

    def admits(self, offset: int, members: int = 1) -> bool:
        """Whether the map will have room for this record, the next one to be tracked.

        One record is always admitted, whatever its size. The members of one that is too large for the map alone are not
        listed: it is a hole until it is settled whole, and nothing more is admitted until then.
        """
        known = self._known
        # The hot path: few offsets fit whatever they do. A low mark that was not moved yet errs on the safe side.
        if not self._order:
            return True
        if members == 1 and offset >= known.stop and ((offset - self._order[0]) >> 3) + 1 < self._room:
            return True
        low = self.lowest_unsettled
        if low is None or known.settles(offset):
            return True
        holes = len(self._unsettled) + len(self._ahead) + (offset >= known.stop)
        listing = listing_bytes(max(offset + 1, known.stop) - low, holes)
        bitmap = 0 if members == 1 or offset in self._members else members_bytes(members)
        return listing + bitmap < self._room

    def is_settled(self, offset: int, member: int | None = None) -> bool:
        """Whether this whole record, or this member of it, is settled: here, or as far as the restored map knows."""
        if offset >= self._position:
            known = self._known
            return known.settles(offset) or (member is not None and bool(known.members(offset) >> member & 1))
        left = self._unsettled.get(offset, 0)
        return not (left if member is None else left >> member & 1)

    def unsettled_between(self, start: int, stop: int) -> int:
        """How many offsets of ``range(start, stop)``, not read yet, the restored map does not know as settled."""
        return self._known.unsettled_between(start, stop)

    def track(self, offset: int, members: int = 1) -> None:
        """A record was read; what the restored map knows of it as settled is settled at once.

        Raises ``ValueError`` where offsets do not ascend, or for a record without members.
        """
        if offset < self._position or members < 1:
            raise ValueError(f"offset {offset} with {members} members, read after {self._position - 1}")
        self._position = self._top = offset + 1
        if members == 1 and offset >= self._known.stop and not self._ahead:
            self._unsettled[offset] = 1
            self._order.append(offset)
        else:
            self._track_members(offset, members)

    def settle(self, offset: int, member: int = 0) -> None:
        """Raises ``ValueError`` for what is not tracked, and for what is settled already."""
        left = self._unsettled.get(offset, 0)
        bit = 1 << member
        if left == bit:
            del self._unsettled[offset]
            if self._members:
                self._release(offset)
        elif left & bit:
            self._unsettled[offset] = left ^ bit
        else:
            raise ValueError(f"member {member} of offset {offset} is settled already, or was never tracked")

    def passed(self, position: int) -> None:
        """Everything below ``position`` was tracked or does not exist. (Records that wait for admission do exist.)"""
        self._position = max(self._position, position)
        self._reach(position)

    @property
    def committable(self) -> int:
        """The lowest unsettled offset, or where all is settled the next one to read. It never decreases."""
        low = self.lowest_unsettled
        return self._position if low is None else low

    @property
    def lowest_unsettled(self) -> int | None:
        order = self._order
        while order and order[0] not in self._unsettled:
            order.popleft()
        if len(order) > 2 * len(self._unsettled) + SLACK:
            # One user who fails for hours must not cost memory for each record that was settled meanwhile.
            self._order = order = deque(self._unsettled)
        return order[0] if order else None

    @property
    def unsettled(self) -> int:
        """How many tracked records are not wholly settled."""
        return len(self._unsettled)

    @property
    def settled_ahead(self) -> int:
        """How many offsets above ``committable`` need not be handled again; as in lag, gaps between records count."""
        span = max(self._top, self._known.stop) - self.committable
        return max(0, span - len(self._unsettled) - len(self._ahead))

    def offset_map(self) -> OffsetMap:
        """What is settled above ``committable``, with what an earlier owner settled and this one has not read yet."""
        stop = max(self._top, self._known.stop)
        return trimmed(self.committable, stop, (*self._unsettled, *self._ahead), self._partly(stop))

    def _track_members(self, offset: int, members: int) -> None:
        self._reach(offset)
        known = self._known
        if known.settles(offset):
            return
        if offset < known.stop:
            self._ahead.popleft()
        self._release(offset)
        left = ((1 << members) - 1) & ~known.members(offset)
        if left:
            self._unsettled[offset] = left
            self._order.append(offset)
            if members > 1:
                self._reserve(offset, members)

    def _reach(self, position: int) -> None:
        """Holes of the restored map that were not met when reading passed them are gaps by now."""
        while self._ahead and self._ahead[0] < position:
            self._release(self._ahead.popleft())

    def _reserve(self, offset: int, members: int) -> None:
        self._members[offset] = members
        self._room -= members_bytes(members)

    def _release(self, offset: int) -> None:
        members = self._members.pop(offset, None)
        if members is not None:
            self._room += members_bytes(members)

    def _partly(self, stop: int) -> dict[int, bytes]:
        if not self._members:
            return {}
        known = self._known.partly
        listing = listing_bytes(stop - self.committable, len(self._unsettled) + len(self._ahead))
        fits = listing < self._room
        partly = {offset: known[offset] for offset in self._ahead if offset in known}
        for offset, members in self._members.items():
            left = self._unsettled.get(offset)
            if left is not None and left.bit_count() < members and (fits or offset in known):
                partly[offset] = (((1 << members) - 1) ^ left).to_bytes((members + 7) >> 3, "little")
        return partly
