"""A table from numbers to places that costs 12 bytes a slot, where a dictionary costs a hundred."""

from __future__ import annotations

from typing import Final

NOWHERE: Final = -1
BYTES_A_SLOT: Final = 12


class Places:
    """Open addressing with linear probing. It never grows: ``taken`` must not go beyond ``most``, which is the
    caller's to see to.

    Numbers have 64 bits, and are spread by whoever makes them; places have 32, without the largest.
    """

    __slots__ = ("_last", "_numbers", "_places", "most", "taken")

    def __init__(self, slots: int) -> None:
        """``slots`` is a power of two."""
        self.taken = 0
        self.most = slots - slots // 4  # fuller, and a search walks far
        self._last = slots - 1
        self._numbers = memoryview(bytearray(8 * slots)).cast("Q")
        self._places = memoryview(bytearray(4 * slots)).cast("I")  # 0: an empty slot; else the place, plus one

    def get(self, number: int) -> int:
        """The number's place, or ``NOWHERE``."""
        return self._places[self._slot(number)] - 1

    def set(self, number: int, place: int) -> None:
        slot = self._slot(number)
        self.taken += not self._places[slot]
        self._numbers[slot], self._places[slot] = number, place + 1

    def drop(self, number: int) -> None:
        """The number has no place any more."""
        hole = self._slot(number)
        if not self._places[hole]:
            return
        self.taken -= 1
        slot = hole
        # Whoever had to step over the hole moves into it: else a search for it would end there.
        while self._places[slot := (slot + 1) & self._last]:
            walked = (slot - self._numbers[slot]) & self._last
            if walked >= (slot - hole) & self._last:
                self._numbers[hole], self._places[hole] = self._numbers[slot], self._places[slot]
                hole = slot
        self._places[hole] = 0

    def _slot(self, number: int) -> int:
        """Where the number stands, or would."""
        slot = number & self._last
        while self._places[slot] and self._numbers[slot] != number:
            slot = (slot + 1) & self._last
        return slot
