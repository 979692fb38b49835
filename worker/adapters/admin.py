"""The admin endpoint: metrics for Prometheus, probes for Kubernetes. It reads; all that it changes is in parking."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from worker.adapters import parking
from worker.adapters.parking import Parking

PATHS: Final = {
    "/metrics": "figures for Prometheus",
    "/healthz": "does the worker go on",
    "/readyz": "does it take events",
}
HEADERS: Final = 8 << 10  # bytes of one header line, at most
CLIENTS: Final = 32  # connections waiting to be accepted


@dataclass(slots=True)
class Admin:
    """Serves on its own address, on the worker's loop: an answer is the proof that the loop ticks.

    ``stuck`` gives a sentence that says what has not gone on for long, and for no reason (then only a new start helps),
    and ``unready`` one that says why no events are taken (not joined yet, draining), or nothing.
    Port 0 takes a free one; ``port`` says which, once it is open.
    """

    host: str
    port: int
    registry: CollectorRegistry
    unready: Callable[[], str | None]
    stuck: Callable[[], str | None] = lambda: None
    park: Mapping[str, Callable[[], int]] = field(default_factory=dict)
    _runner: web.AppRunner | None = field(default=None, init=False)

    async def open(self) -> None:
        """Listen. Raises ``OSError`` where the address cannot be had."""
        app = web.Application(client_max_size=1)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_post(parking.PATH, Parking(self.park).answer)
        app.router.add_route("*", "/{path:.*}", nothing_here)
        runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=1,
            keepalive_timeout=75,
            max_line_size=HEADERS,
            max_field_size=HEADERS,
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, self.host, self.port, backlog=CLIENTS).start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self.port = runner.addresses[0][1]

    async def close(self) -> None:
        """Stop listening; an answer under way has a second."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _healthz(self, _request: web.Request) -> web.Response:
        return _answer(self.stuck(), "The worker goes on.\n")

    async def _readyz(self, _request: web.Request) -> web.Response:
        return _answer(self.unready(), "Every destination takes events.\n")


def _answer(why_not: str | None, well: str) -> web.Response:
    return web.Response(text=well) if why_not is None else web.Response(status=503, text=f"{why_not}\n")


async def nothing_here(_request: web.Request) -> web.Response:
    """Names what there is instead."""
    listed = "".join(f"{path}  {what}\n" for path, what in PATHS.items())
    return web.Response(status=404, text=f"Nothing here. There are:\n{listed}")
