"""The admin endpoint's one door that changes something: a person on this machine gives up what keeps failing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from aiohttp import web

PATH = "/park"


@dataclass(frozen=True, slots=True)
class Parking:
    """``POST /park?destination=NAME``. ``park`` has for each destination what gives up, and says how many.

    Only for who is on this machine (in this pod), and for no page that a browser on it shows: those name an Origin.
    """

    park: Mapping[str, Callable[[], int]]

    async def answer(self, request: web.Request) -> web.Response:
        """How many were given up, or why none."""
        if not is_loopback(request.remote) or "Origin" in request.headers:
            return web.Response(status=403, text="Only from the worker's own machine.\n")
        park = self.park.get(request.query.get("destination", ""))
        if park is None:
            return web.Response(status=404, text=f"?destination=NAME is one of {', '.join(self.park)}.\n")
        return web.Response(text=f"{park()}\n")


def is_loopback(peer: str | None) -> bool:
    """Whether the address of a connection's other side is this machine's own; IPv4 may come dressed as IPv6."""
    if peer is None:
        return False
    try:
        address = ip_address(peer)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback
