"""Through a proxy: what the transport over aiohttp is for."""

from __future__ import annotations

import asyncio

import pytest

from mappings.contract import Response
from tests.adapters.certificates import Certificates
from tests.adapters.transports import TRANSPORTS, Factory, Run, a_request, a_transport, without_detail
from tests.adapters.vendors import Connection, Received, a_vendor, an_answer, answering, silence
from worker.core.faults import Fault, FaultKind


@pytest.fixture
def factory() -> Factory:
    return TRANSPORTS["aiohttp"]


async def proxying(connection: Connection) -> None:
    """A proxy that answers for plain HTTP, and opens a tunnel for TLS."""
    received = await connection.request()
    if received.method != "CONNECT":
        await connection.write(an_answer(b"by the proxy"))
        return
    host, _, port = received.target.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    await connection.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    try:
        await asyncio.gather(_pump(connection.reader, writer), _pump(reader, connection.writer))
    finally:
        writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


def test_a_proxy_is_asked_instead(factory: Factory, run: Run) -> None:
    async def story() -> tuple[Response | Fault, list[Received]]:
        async with a_vendor(proxying) as proxy:
            address = proxy.origin.replace("://", "://relay:pw@")
            async with a_transport(factory, "http://v.example", proxy=address) as sender:
                return await sender.send(a_request("http://v.example"), {}), proxy.received

    answer, (received,) = run(story())
    assert (b"by the proxy", "http://v.example/learn") == (answer.body, received.target)
    assert "Basic cmVsYXk6cHc=" == received.headers["proxy-authorization"]


def test_tls_goes_through_the_proxys_tunnel(factory: Factory, run: Run, certificates: Certificates) -> None:
    async def story() -> tuple[Response | Fault, list[Received], list[Received]]:
        async with a_vendor(proxying) as proxy, a_vendor(answering(an_answer(b"abc")), certificates.good) as vendor:
            through = {"proxy": proxy.origin, "ca_file": certificates.authority}
            async with a_transport(factory, vendor.origin, **through) as sender:
                return await sender.send(a_request(vendor.origin), {}), vendor.received, proxy.received

    answer, received, proxied = run(story())
    assert (b"abc", 1, ["CONNECT"]) == (answer.body, len(received), [each.method for each in proxied])


def test_a_proxy_that_says_no_is_told_apart(factory: Factory, run: Run) -> None:
    async def story() -> Response | Fault:
        refusal = answering(an_answer(b"", status="407 Proxy Authentication Required"))
        async with a_vendor(refusal) as proxy, a_transport(factory, "https://v.example", proxy=proxy.origin) as sender:
            return await sender.send(a_request("https://v.example"), {})

    assert Fault(FaultKind.REFUSED, written=False, detail="the proxy answered 407") == run(story())


def test_a_proxy_that_is_away_refuses(factory: Factory, run: Run) -> None:
    async def story() -> Response | Fault:
        async with a_vendor(silence) as proxy:
            pass
        async with a_transport(factory, "http://v.example", proxy=proxy.origin) as sender:
            return await sender.send(a_request("http://v.example"), {})

    assert Fault(FaultKind.REFUSED, written=False) == without_detail(run(story()))
