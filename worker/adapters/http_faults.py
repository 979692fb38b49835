"""What aiohttp raises when no answer came, as the core's :class:`Fault`."""

from __future__ import annotations

import ssl

import aiohttp

from worker.core.faults import Fault, FaultKind


def fault(error: Exception) -> Fault:
    """The fault behind an exception of ``ClientSession.request``.

    ``written`` is ``False`` only for what is known to fail before the request's first byte. aiohttp's messages hold
    the URL, and with it tokens and e-mail addresses: no detail is made of them.
    """
    match error:
        case aiohttp.ConnectionTimeoutError():
            return Fault(FaultKind.TIMEOUT, written=False, detail="no connection in time")
        case TimeoutError():
            return Fault(FaultKind.TIMEOUT, written=True, detail="no answer in time")
        case aiohttp.ClientConnectorDNSError():
            return Fault(FaultKind.DNS, written=False, detail=_system(error.os_error))
        case aiohttp.ClientConnectorCertificateError():
            return Fault(FaultKind.TLS, written=False, detail=_certificate(error.certificate_error))
        case aiohttp.ClientSSLError():
            return Fault(FaultKind.TLS, written=False, detail=_system(error.os_error))
        case aiohttp.ClientConnectorError():
            return Fault(_unconnected(error.os_error), written=False, detail=_system(error.os_error))
        case aiohttp.ClientHttpProxyError():
            return Fault(FaultKind.REFUSED, written=False, detail=f"the proxy answered {error.status}")
        case aiohttp.ClientResponseError():
            return Fault(FaultKind.PROTOCOL, written=True, detail="the answer is not HTTP")
        case ValueError():
            return Fault(FaultKind.PROTOCOL, written=False, detail="the request cannot be written as HTTP")
        case _:
            return _broken(error)


def _unconnected(error: OSError) -> FaultKind:
    match error:
        case ConnectionResetError() | ConnectionAbortedError() | BrokenPipeError():
            return FaultKind.RESET
        case TimeoutError():
            return FaultKind.TIMEOUT
        case _:
            return FaultKind.REFUSED


def _broken(error: Exception) -> Fault:
    if isinstance(error.__cause__, ssl.SSLError):
        return Fault(FaultKind.TLS, written=True, detail=_system(error.__cause__))
    return Fault(FaultKind.RESET, written=True, detail="the connection broke before an answer")


def _certificate(error: Exception) -> str:
    return error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else type(error).__name__


def _system(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return error.reason or type(error).__name__
    return error.strerror or type(error).__name__
