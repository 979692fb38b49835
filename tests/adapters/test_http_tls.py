"""Who is trusted, and what is said of who is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mappings.contract import Response
from tests.adapters.certificates import Certificates
from tests.adapters.transports import Factory, Run, a_request, a_transport, ask, without_detail
from tests.adapters.vendors import Connection, Vendor, a_vendor, an_answer, answering
from worker.core.faults import Fault, FaultKind

MISFITS = [
    *("expired", "not yet valid", "another host's", "another address's", "its host as a mere title"),
    *("unknown authority", "intermediate left out", "self-signed", "for clients"),
]


@pytest.mark.parametrize("server", ["good", "with_intermediate"])
def test_a_certificate_of_the_given_authority_is_good(
    factory: Factory, run: Run, certificates: Certificates, server: str
) -> None:
    """Its host is an address; between it and the authority may be others, where the server shows them."""
    tls, trusting = getattr(certificates, server), {"ca_file": certificates.authority}
    got, vendor = run(ask(factory, answering(an_answer()), tls=tls, requests=2, transport=trusting))
    assert ([200, 200], 1) == ([each.status for each in got], vendor.connections)


def test_the_list_has_every_misfit(certificates: Certificates) -> None:
    assert set(MISFITS) == set(certificates.misfits)


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("server", MISFITS)
def test_a_certificate_that_does_not_fit_is_a_tls_fault_that_says_why_and_nothing_is_written(
    factory: Factory, run: Run, certificates: Certificates, server: str, method: str
) -> None:
    misfit = certificates.misfits[server]

    async def story() -> tuple[Response | Fault, Vendor]:
        async with (
            a_vendor(answering(an_answer()), misfit.server) as vendor,
            a_transport(factory, vendor.origin, ca_file=certificates.authority) as sender,
        ):
            request = a_request(vendor.origin, method=method, json=None, query=(("org_token", "s3cret"),))
            return await sender.send(request, {"Authorization": "Bearer s3cret"}), vendor

    got, vendor = run(story())
    assert (Fault(FaultKind.TLS, written=False), []) == (without_detail(got), vendor.received)
    assert re.search(misfit.words, got.detail)
    assert "s3cret" not in repr(got)


def test_the_systems_authorities_do_not_know_ours(factory: Factory, run: Run, certificates: Certificates) -> None:
    (got,), vendor = run(ask(factory, answering(an_answer()), tls=certificates.good))
    assert (Fault(FaultKind.TLS, written=False), []) == (without_detail(got), vendor.received)


def test_a_remembered_session_is_no_way_around_a_certificate(
    factory: Factory, run: Run, certificates: Certificates
) -> None:
    """Whoever answers next at the same address has to prove anew who it is."""
    servers = iter([certificates.good, certificates.misfits["unknown authority"].server, certificates.good])

    async def behave(connection: Connection) -> None:
        await connection.writer.start_tls(next(servers))
        await connection.request()
        await connection.write(an_answer(b"", "Connection: close"))

    async def story() -> list[Response | Fault]:
        async with a_vendor(behave) as vendor:
            origin = vendor.origin.replace("http:", "https:")
            async with a_transport(factory, origin, ca_file=certificates.authority) as sender:
                return [await sender.send(a_request(origin), {}) for _ in range(3)]

    first, second, third = run(story())
    assert (200, Fault(FaultKind.TLS, written=False), 200) == (first.status, without_detail(second), third.status)


def test_a_server_that_does_not_speak_tls_is_a_tls_fault(factory: Factory, run: Run) -> None:
    async def plain(connection: Connection) -> None:
        await connection.reader.read(1)
        await connection.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await connection.reader.read()

    async def story() -> Response | Fault:
        async with a_vendor(plain) as vendor:
            origin = vendor.origin.replace("http:", "https:")
            async with a_transport(factory, origin) as sender:
                return await sender.send(a_request(origin), {})

    assert Fault(FaultKind.TLS, written=False) == without_detail(run(story()))


def test_an_authority_that_cannot_be_read_is_found_at_once(factory: Factory, run: Run, tmp_path: Path) -> None:
    async def story() -> None:
        async with a_transport(factory, "https://v.example", ca_file=tmp_path / "none.pem"):
            pass

    with pytest.raises(OSError, match="No such file"):
        run(story())
