"""What the suite of the transports makes and asks.

A second transport has to pass the same suite: add it to ``TRANSPORTS``.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any, Protocol

from mappings.contract import Request, Response
from tests.adapters.vendors import Behaviour, Vendor, a_vendor
from worker.adapters import aiohttp_transport, http
from worker.adapters.http_bounds import Reach
from worker.core.faults import Fault


class Sender(Protocol):
    """What the suite needs of a transport."""

    async def send(self, request: Request, headers: Mapping[str, str]) -> Response | Fault: ...


Factory = Callable[..., AbstractAsyncContextManager[Sender]]
Run = Callable[[Coroutine[Any, Any, Any]], Any]

TRANSPORTS: dict[str, Factory] = {"httptools": http.Transport, "aiohttp": aiohttp_transport.Transport}


def a_transport(factory: Factory, *origins: str, **overrides: Any) -> AbstractAsyncContextManager[Sender]:
    """``overrides`` are those of its reach, and what is a transport's own (``idle``, ``proxy``)."""
    own = {name: overrides.pop(name) for name in ("idle", "proxy") if name in overrides}
    reach = Reach(frozenset(origins), connect_timeout=2.0, request_timeout=5.0, connections=4)
    return factory(replace(reach, **overrides), **own)


def a_request(origin: str, **overrides: Any) -> Request:
    fields: dict[str, Any] = {"method": "POST", "url": f"{origin}/learn", "operation": "learn", "json": {"n": 1}}
    return Request(**fields | overrides)


async def ask(
    factory: Factory,
    behave: Behaviour,
    *,
    tls: ssl.SSLContext | None = None,
    requests: int = 1,
    transport: Mapping[str, Any] | None = None,
    **overrides: Any,
) -> tuple[list[Response | Fault], Vendor]:
    """One vendor, one transport, so many requests one after another."""
    async with a_vendor(behave, tls) as vendor, a_transport(factory, vendor.origin, **(transport or {})) as sender:
        return [await sender.send(a_request(vendor.origin, **overrides), {}) for _ in range(requests)], vendor


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110  (what is awaited happens in a server's task, under the run's deadline)
        await asyncio.sleep(0.005)


def without_detail(answer: Response | Fault) -> Response | Fault:
    """The detail is for people, and partly the operating system's."""
    return Fault(answer.kind, answer.written) if isinstance(answer, Fault) else answer
