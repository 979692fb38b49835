"""TLS as a client: whom to trust, and sessions that save half of a handshake."""

from __future__ import annotations

import ssl
from pathlib import Path


class Resuming(ssl.SSLContext):
    """A client's context that offers each host the session of its last connection: it saves half of a handshake."""

    sessions: dict[str, ssl.SSLSession]

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """What the event loop calls for each connection: it knows nothing of sessions."""
        kept = session or self.sessions.get(str(server_hostname))
        return super().wrap_bio(incoming, outgoing, server_side, server_hostname, kept)

    def remember(self, host: str, connection: ssl.SSLObject) -> None:
        """Once an answer has come: a server sends its session after the handshake."""
        if connection.session is not None:
            self.sessions[host] = connection.session


def trusting(ca_file: Path | None) -> Resuming:
    """Verifies certificates and host names. Raises ``OSError`` for a file that cannot be read."""
    made = Resuming(ssl.PROTOCOL_TLS_CLIENT)
    made.sessions = {}
    if ca_file is None:
        made.load_default_certs()
    else:
        made.load_verify_locations(ca_file)
    made.set_alpn_protocols(["http/1.1"])
    return made
