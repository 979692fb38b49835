"""Certificates for servers on the loopback, made anew for each run of the tests."""

from __future__ import annotations

import datetime as dt
import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True, slots=True)
class Certificates:
    """Server contexts, and the file of the authority that signed all but ``self_signed``'s."""

    authority: Path
    good: ssl.SSLContext
    wrong_host: ssl.SSLContext
    expired: ssl.SSLContext
    unknown_authority: ssl.SSLContext


def make_certificates(folder: Path) -> Certificates:
    authority = trustme.CA()
    file = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    long_ago = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    return Certificates(
        authority=file,
        good=_context(authority.issue_cert("127.0.0.1", "localhost")),
        wrong_host=_context(authority.issue_cert("other.example")),
        expired=_context(authority.issue_cert("127.0.0.1", not_before=long_ago, not_after=long_ago.replace(year=2021))),
        unknown_authority=_context(trustme.CA().issue_cert("127.0.0.1")),
    )


def _context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context
