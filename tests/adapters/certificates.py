"""Certificates for servers on the loopback, made anew for each run of the tests."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
NOT_YET = dt.datetime(2120, 1, 1, tzinfo=dt.UTC)
YEAR = dt.timedelta(days=365)
SERVERS = ExtendedKeyUsageOID.SERVER_AUTH
CLIENTS = ExtendedKeyUsageOID.CLIENT_AUTH


@dataclass(frozen=True, slots=True)
class Misfit:
    """A server that nobody may trust, and what is to be said of it."""

    server: ssl.SSLContext
    words: str  # a regular expression: versions of OpenSSL differ in a word


@dataclass(frozen=True, slots=True)
class Certificates:
    """Server contexts, and the file of the authority that signed the good ones."""

    authority: Path
    good: ssl.SSLContext
    with_intermediate: ssl.SSLContext
    tls_1_2: ssl.SSLContext  # the server speaks last in the handshake, so its next word may come along
    misfits: Mapping[str, Misfit]


def make_certificates(folder: Path) -> Certificates:
    authority = trustme.CA()
    file = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    below = authority.create_child_ca().issue_cert("127.0.0.1")
    return Certificates(
        authority=file,
        good=_context(authority.issue_cert("127.0.0.1", "localhost")),
        with_intermediate=_context(below),
        tls_1_2=_limited(_context(authority.issue_cert("127.0.0.1"))),
        misfits={
            "expired": Misfit(
                _context(authority.issue_cert("127.0.0.1", not_before=LONG_AGO, not_after=LONG_AGO + YEAR)),
                "^certificate has expired$",
            ),
            "not yet valid": Misfit(
                _context(authority.issue_cert("127.0.0.1", not_before=NOT_YET, not_after=NOT_YET + YEAR)),
                "^certificate is not yet valid$",
            ),
            "another host's": Misfit(
                _context(authority.issue_cert("other.example")),
                r"^IP address mismatch, certificate is not valid for '127\.0\.0\.1'",
            ),
            "another address's": Misfit(
                _context(authority.issue_cert("127.0.0.2")),
                r"^IP address mismatch, certificate is not valid for '127\.0\.0\.1'",
            ),
            "its host as a mere title": Misfit(
                _context(authority.issue_cert("other.example", common_name="127.0.0.1")),
                r"^IP address mismatch, certificate is not valid for '127\.0\.0\.1'",
            ),
            "unknown authority": Misfit(
                _context(trustme.CA().issue_cert("127.0.0.1")), "^unable to get local issuer certificate$"
            ),
            "intermediate left out": Misfit(
                _loaded(below.cert_chain_pems[:1], below.private_key_pem), "^unable to get local issuer certificate$"
            ),
            "self-signed": Misfit(_made(None, SERVERS), "^self.signed certificate$"),
            "for clients": Misfit(_made(authority, CLIENTS), "^uns(uitable|upported) certificate purpose$"),
        },
    )


def _context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    return _loaded(certificate.cert_chain_pems, certificate.private_key_pem)


def _loaded(chain: Sequence[trustme.Blob], key: trustme.Blob) -> ssl.SSLContext:
    """A server that shows this chain, and nothing else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(b"".join(pem.bytes() for pem in (key, *chain)))
        file.flush()
        context.load_cert_chain(file.name)
    return context


def _limited(context: ssl.SSLContext) -> ssl.SSLContext:
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def _made(authority: trustme.CA | None, purpose: x509.ObjectIdentifier) -> ssl.SSLContext:
    """For 127.0.0.1 and this one purpose, signed by the authority or by itself: trustme knows neither."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    signer, issuer = key, name
    if authority is not None:
        signer = serialization.load_pem_private_key(authority.private_key_pem.bytes(), None)  # type: ignore[assignment]  # trustme's are of elliptic curves
        issuer = x509.load_pem_x509_certificate(authority.cert_pem.bytes()).subject
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(
        issuer, name, key.public_key(), x509.random_serial_number(), now - YEAR, now + YEAR
    )
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        builder.add_extension(alternative, critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=True)
        .sign(signer, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    key_pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    return _loaded([trustme.Blob(certificate.public_bytes(serialization.Encoding.PEM))], trustme.Blob(key_pem))
