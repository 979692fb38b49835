"""Real servers as processes, for the length of a block."""

from __future__ import annotations

import gzip
import json
import os
import signal
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import trustme

from tests.deploy.daemons import Daemon, daemon, until
from tests.servers import tools
from worker.sandbox.processes import free_port

SOON = 10.0  # seconds
BODY = "x" * 100_000


@dataclass(frozen=True, slots=True)
class Identity:
    """What a server shows, and the file of the authority behind it."""

    authority: Path
    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Server:
    """A running one. ``arrivals`` tells how often each ``n`` has come; ``restart`` returns when it is over."""

    name: str
    plain: str
    secured: str
    arrivals: Callable[[], Counter[str]]
    restart: Callable[[], None]
    jealous: str = ""  # where it wants a certificate of its clients


def an_identity(folder: Path) -> Identity:
    authority = trustme.CA()
    leaf = authority.issue_cert("127.0.0.1")
    identity = Identity(folder / "authority.pem", folder / "certificate.pem", folder / "key.pem")
    authority.cert_pem.write_to_path(str(identity.authority))
    leaf.cert_chain_pems[0].write_to_path(str(identity.certificate))
    leaf.private_key_pem.write_to_path(str(identity.key))
    return identity


@contextmanager
def nginx(folder: Path, identity: Identity) -> Iterator[Server]:
    """nginx with two workers, set up by ``nginx.conf``."""
    plain, secured = free_port(), free_port()
    text = (Path(__file__).parent / "nginx.conf").read_text("utf-8")
    configuration = folder / "nginx.conf"
    configuration.write_text(
        text.format(
            folder=folder,
            user="user root;" if os.geteuid() == 0 else "",  # its workers are to write into this folder
            plain=plain,
            secured=secured,
            certificate=identity.certificate,
            key=identity.key,
        )
    )
    (folder / "x.html").write_text(BODY)
    (folder / "squeezed.gz").write_bytes(gzip.compress(BODY.encode()))
    log, arrivals = folder / "output.log", folder / "arrivals.log"
    command = (tools.nginx(), "-p", folder, "-c", configuration, "-g", "daemon off;")
    with daemon(*command, log=log) as running:
        running.wait_until(lambda: _listens(plain) and _listens(secured), "nginx", SOON)
        yield Server(
            "nginx",
            f"http://127.0.0.1:{plain}",
            f"https://127.0.0.1:{secured}",
            lambda: Counter(arrivals.read_text().split()),
            lambda: _reload(running),
        )


def _reload(running: Daemon) -> None:
    """New workers take over; the old ones finish what is under way, and go."""
    before = _children(running.process.pid)
    running.process.send_signal(signal.SIGHUP)
    running.wait_until(lambda: not before & _children(running.process.pid), "nginx's old workers gone", SOON)


def _children(pid: int) -> set[str]:
    return set(Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


@contextmanager
def go(folder: Path, identity: Identity) -> Iterator[Server]:
    """Go's own server."""
    log = folder / "output.log"
    with daemon(tools.go_server(), identity.certificate, identity.key, log=log) as running:
        running.wait_until(lambda: "\n" in log.read_text(), "the Go server", SOON)
        addresses = json.loads(log.read_text().splitlines()[0])
        yield Server(
            "go",
            f"http://{addresses['plain']}",
            f"https://{addresses['secured']}",
            lambda: _told(addresses["plain"]),
            lambda: _restart(running),
            f"https://{addresses['jealous']}",
        )


def _told(address: str) -> Counter[str]:
    connection = HTTPConnection(address, timeout=SOON)
    try:
        connection.request("GET", "/arrivals")
        return Counter(json.load(connection.getresponse()))
    finally:
        connection.close()


def _restart(running: Daemon) -> None:
    before = running.log.read_text().count("restarted")
    running.process.send_signal(signal.SIGHUP)
    until(lambda: running.log.read_text().count("restarted") > before, "the Go server again", SOON)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
