"""A certificate for the sink, made anew for each run: the worker verifies it as it would a vendor's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import trustme

from worker.sandbox.processes import LOCAL, free_port


@dataclass(frozen=True, slots=True)
class Tls:
    """``port`` is where the sink takes requests over TLS; ``chain`` holds its key and certificates (PEM)."""

    port: int
    chain: Path
    authority: Path

    @property
    def url(self) -> str:
        return f"https://{LOCAL}:{self.port}"


def make_tls(folder: Path) -> Tls:
    """An authority, what it signed for the loopback, and a port that is free. The files go to ``folder``."""
    authority = trustme.CA()
    made = Tls(free_port(), folder / "sink.pem", folder / "authority.pem")
    authority.issue_cert(LOCAL).private_key_and_cert_chain_pem.write_to_path(str(made.chain))
    authority.cert_pem.write_to_path(str(made.authority))
    return made
