"""The sandbox as a process: until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Collection

import uvloop

from worker.sandbox import wigzo, wootric
from worker.sandbox.exchange import Destination
from worker.sandbox.server import Sandbox


def _print_at_once(line: str) -> None:
    print(line, flush=True)  # whoever started this process may be waiting at the other end of a pipe


def serve(
    address: str = "127.0.0.1:8484",
    *,
    apart: Collection[Destination] = (),
    wigzo_account: wigzo.Account | None = None,
    wootric_account: wootric.Account | None = None,
    keep: bool = True,
    announce: Callable[[str], None] = _print_at_once,
) -> None:
    """Serve at ``HOST:PORT`` (port 0: a free one) until told to stop; see :class:`Sandbox` for the rest.

    Announces one line for each name and address once all listen: ``sandbox http://…``, ``wigzo http://…``,
    ``wootric http://…``. Raises ``ValueError`` for an address that is none, ``OSError`` where it cannot listen.
    """
    host, port = _host_and_port(address)

    async def run() -> None:
        stopped = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        sandbox = Sandbox(
            host, port, apart=apart, wigzo_account=wigzo_account, wootric_account=wootric_account, keep=keep
        )
        async with sandbox:
            for name, url in addresses(sandbox):
                announce(f"{name} {url}")
            await stopped.wait()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


def addresses(sandbox: Sandbox) -> list[tuple[str, str]]:
    """Each name and where it is."""
    return [("sandbox", sandbox.url), ("wigzo", sandbox.url_of("wigzo")), ("wootric", sandbox.url_of("wootric"))]


def _host_and_port(address: str) -> tuple[str, int]:
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"the sandbox's address: expected HOST:PORT, found {address!r}")
    return host.strip("[]"), int(port)
