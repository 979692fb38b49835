"""What aiohttp raises when no answer came, as the core's :class:`Fault`."""

from __future__ import annotations

import ssl

import aiohttp

from worker.adapters.http_bounds import (
    BROKEN,
    NO_ANSWER,
    NO_CONNECTION,
    NO_REQUEST,
    NOT_HTTP,
    NOT_TAKEN,
    kind_of,
    words_of,
)
from worker.core.faults import Fault, FaultKind


def fault(error: Exception) -> Fault:
    """The fault behind an exception of ``ClientSession.request``.

    ``written`` is ``False`` only for what is known to fail before the request's first byte. aiohttp's messages hold
    the URL, and with it tokens and e-mail addresses: no detail is made of them.
    """
    match error:
        case aiohttp.ConnectionTimeoutError():
            return NO_CONNECTION
        case TimeoutError():
            return NO_ANSWER
        case aiohttp.ClientConnectorDNSError():
            return Fault(FaultKind.DNS, written=False, detail=words_of(error.os_error))
        case aiohttp.ClientConnectorCertificateError():
            return Fault(FaultKind.TLS, written=False, detail=words_of(error.certificate_error))
        case aiohttp.ClientSSLError():
            return Fault(FaultKind.TLS, written=False, detail=words_of(error.os_error))
        case aiohttp.ClientConnectorError():
            return Fault(kind_of(error.os_error), written=False, detail=words_of(error.os_error))
        case aiohttp.ClientHttpProxyError():
            return Fault(FaultKind.REFUSED, written=False, detail=f"the proxy answered {error.status}")
        case aiohttp.ClientResponseError():
            return NOT_HTTP
        case ValueError():
            return NO_REQUEST
        case _:
            return _broken(error)


def _broken(error: Exception) -> Fault:
    match _first(error):
        case ssl.SSLError() as cause:
            return Fault(FaultKind.TLS, written=True, detail=words_of(cause))
        case TimeoutError():
            return NOT_TAKEN
        case _:
            return BROKEN


def _first(error: BaseException) -> BaseException:
    """What the system said, whoever has put how many words around it."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error
