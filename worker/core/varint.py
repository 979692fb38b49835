"""Whole numbers in as few bytes as they need: seven bits a byte, the lowest first, the high bit: more follow."""

from __future__ import annotations

LONGEST = 9  # bytes: 63 bits, as far as Kafka's offsets go


def varint(number: int) -> bytes:
    """Raises ``ValueError`` for what is negative or has more than 63 bits."""
    if not 0 <= number < 1 << 7 * LONGEST:
        raise ValueError(f"{number} is not between 0 and 2^63 - 1")
    octets = bytearray()
    while number > 0x7F:
        octets.append(number & 0x7F | 0x80)
        number >>= 7
    octets.append(number)
    return bytes(octets)


class Reader:
    """Bytes, read once from the front; true while there are more. Every read past the end raises ``ValueError``."""

    __slots__ = ("_at", "_octets")

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._octets)

    def take(self, count: int) -> bytes:
        taken = self._octets[self._at : self._at + count]
        if len(taken) < count:
            raise ValueError("the bytes end too early")
        self._at += count
        return taken

    def varint(self) -> int:
        number = 0
        for shift in range(0, 7 * LONGEST, 7):
            (octet,) = self.take(1)
            number |= (octet & 0x7F) << shift
            if octet < 0x80:
                return number
        raise ValueError("a number has more than 63 bits")
