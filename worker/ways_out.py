"""Which transport carries a destination's requests."""

from __future__ import annotations

from collections.abc import Callable

from worker.adapters import aiohttp_transport, http
from worker.adapters.http_bounds import Reach, always
from worker.config import DestinationSettings


def way_out(
    settings: DestinationSettings, connections: int, may_write: Callable[[], bool] = always
) -> http.Transport | aiohttp_transport.Transport:
    """Our own; aiohttp's where there is a proxy, or the setting says so. Nothing is opened yet."""
    reach = Reach(
        hosts=settings.destination.hosts(settings.mapping_settings),
        connect_timeout=settings.connect_timeout,
        request_timeout=settings.request_timeout,
        first_byte_timeout=settings.first_byte_timeout,
        connections=connections,
        ca_file=settings.ca_file,
        may_write=may_write,
    )
    if settings.proxy is None and settings.http_client == "auto":
        return http.Transport(reach)
    return aiohttp_transport.Transport(reach, proxy=settings.proxy)
