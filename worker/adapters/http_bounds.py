"""What every way out holds to, and the words in which it says what went wrong: whichever library carries it."""

from __future__ import annotations

import socket
import ssl
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from worker.core.faults import Fault, FaultKind

MIB: Final = 1 << 20
HEAD_LIMIT: Final = 32 << 10  # of the last answer, with all interim ones before it
BODY_LIMIT: Final = 256 << 10
# What the kernel holds for one connection, and so what one read can bring: 512 of them stay within 16 MiB.
RECEIVE_BUFFER: Final = 16 << 10
FINAL: Final = 200  # from this status on an answer is the last one
USER_AGENT: Final = f"segment-relay/{version('segment-relay')}"

NOT_HTTP: Final = Fault(FaultKind.PROTOCOL, written=True, detail="the answer is not HTTP")
NO_ANSWER: Final = Fault(FaultKind.TIMEOUT, written=True, detail="no answer in time")
NO_CONNECTION: Final = Fault(FaultKind.TIMEOUT, written=False, detail="no connection in time")
NOT_TAKEN: Final = Fault(FaultKind.TIMEOUT, written=True, detail="the request was not taken in time")
NO_REQUEST: Final = Fault(FaultKind.PROTOCOL, written=False, detail="the request cannot be written as HTTP")
BROKEN: Final = Fault(FaultKind.RESET, written=True, detail="the connection broke before an answer")
UNUSED: Final = Fault(FaultKind.RESET, written=False, detail="the connection broke before the request")
WITHHELD: Final = Fault(FaultKind.WITHHELD, written=False)


class ForbiddenHost(Exception):  # noqa: N818  (a finding, told as a fault)
    """The request names an origin that its destination did not declare."""


def always() -> bool:
    """Nobody else will ever want to send the same."""
    return True


@dataclass(frozen=True, slots=True)
class Reach:
    """What one destination's way out may do. It shares no connection, no buffer and no limit with another's.

    ``hosts`` are the origins that may be asked ("https://app.wigzo.com"). Timeouts are seconds: for the connection
    (name look-up, a free place, TCP, TLS), for the first byte that comes back once the request is written, and for a
    request as a whole. At most ``connections`` are open. ``bodies`` is how many bytes of answers may be under way
    together. ``ca_file`` replaces the system's authorities. ``may_write`` is asked last before the first byte of each
    request: where it says no, nothing is written.
    """

    hosts: frozenset[str]
    connect_timeout: float
    request_timeout: float
    connections: int
    first_byte_timeout: float | None = None
    ca_file: Path | None = None
    may_write: Callable[[], bool] = always
    bodies: int = 16 * MIB

    @property
    def large_bodies(self) -> int:
        """How many bodies may be read at once that did not come with their heads."""
        return max(1, self.bodies // BODY_LIMIT)

    @property
    def write_timeout(self) -> float:
        """Seconds in which the other end may take nothing of what is being written: then there is no answer coming."""
        return self.request_timeout / 2


def small_socket(write_timeout: float, address: tuple[Any, ...]) -> socket.socket:
    """A socket for this one of ``getaddrinfo``'s addresses, whose unread bytes are bounded.

    Linux itself ends a connection whose bytes nobody takes for about ``write_timeout`` seconds: one to a machine that
    has gone, or to a program that reads no more. No timer of ours could know of the first, or be as cheap. Elsewhere
    the limit of the whole request ends it.
    """
    family, kind, protocol, _, _ = address
    made = socket.socket(family, kind, protocol)
    made.setblocking(False)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    if sys.platform == "linux":
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, max(1, int(write_timeout * 1000)))
    return made


def kind_of(error: OSError) -> FaultKind:
    """Why there is no connection, where neither the name nor TLS is to blame."""
    match error:
        case ConnectionResetError() | ConnectionAbortedError() | BrokenPipeError():
            return FaultKind.RESET
        case TimeoutError():
            return FaultKind.TIMEOUT
        case _:
            return FaultKind.REFUSED


def words_of(error: BaseException) -> str:
    """The system's own words: they hold no URL, and so no token."""
    match error:
        case ssl.SSLCertVerificationError():
            return error.verify_message
        case ssl.SSLError():
            return error.reason or type(error).__name__
        case OSError():
            return error.strerror or type(error).__name__
        case _:
            return type(error).__name__
