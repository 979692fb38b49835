from __future__ import annotations

import socket

import pytest

from worker.adapters.generous import AT_ONCE, Generous


def test_what_has_come_is_given_at_once_however_little_is_asked_for() -> None:
    here, there = socket.socketpair()
    with here, there:
        there.sendall(b"x" * 20_000)
        assert Generous(here).recv(4096) == b"x" * 20_000


def test_who_asks_for_more_may_have_more() -> None:
    asked: list[int] = []

    class Asked:
        def recv(self, size: int) -> bytes:
            asked.append(size)
            return b""

    Generous(Asked()).recv(AT_ONCE + 1)
    assert asked == [AT_ONCE + 1]


def test_in_all_else_it_is_the_socket() -> None:
    here, there = socket.socketpair()
    with here, there:
        here.setblocking(False)
        one = Generous(here)
        assert one.fileno() == here.fileno()
        with pytest.raises(BlockingIOError):
            one.recv(1)
