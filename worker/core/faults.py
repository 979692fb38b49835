"""What a request came to when no answer did."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FaultKind(StrEnum):
    """Where it failed. The value is the ``status`` label of the request's metric."""

    TIMEOUT = "timeout"
    REFUSED = "refused"
    RESET = "reset"
    TLS = "tls"
    DNS = "dns"
    PROTOCOL = "protocol"
    FORBIDDEN_HOST = "forbidden-host"
    WITHHELD = "withheld"  # by the worker itself, last before writing: somebody else may own the partition by now
    CUT = "cut"  # by the worker itself, at the drain's bound


@dataclass(frozen=True, slots=True)
class Fault:
    """No answer came.

    ``written`` says whether any byte of the request may have reached the vendor: then its outcome is unknown.
    ``detail`` is for people, without secrets and personal data.
    """

    kind: FaultKind
    written: bool
    detail: str = ""
