from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from worker.core.packing import Packer


@given(st.binary(max_size=6_000), st.binary(max_size=6_000))
def test_what_is_packed_comes_back(dictionary: bytes, text: bytes) -> None:
    packer = Packer(dictionary)
    assert text == packer.unpack(packer.pack(text))


def test_what_the_dictionary_says_costs_next_to_nothing() -> None:
    names = b"".join(b'"name-%d":"' % number for number in range(60))
    assert len(Packer(names).pack(names + b"value")) < 25 < len(Packer(b"").pack(names + b"value"))


def test_each_text_is_packed_by_itself() -> None:
    packer = Packer(b"")
    first, second = packer.pack(b"one"), packer.pack(b"two")
    assert (b"two", b"one") == (packer.unpack(second), packer.unpack(first))
