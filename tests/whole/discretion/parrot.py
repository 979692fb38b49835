"""A vendor that repeats whatever it was sent, in every way that a vendor may fail.

The first part of a URL's path says how: a status, ``html``, ``no`` (a 200 that means no), ``reset``, ``hang``,
``redirect``, ``cut``.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from urllib.parse import unquote_plus

from aiohttp import web

STEP = 150  # characters: each answer quotes from another place on, so that all is quoted in the end


class Parrot:
    """``heard`` is every request, as text. ``token`` is what a login gets."""

    def __init__(self, token: str) -> None:
        self.url = ""
        self.heard: list[str] = []
        self._token = token

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/oauth/token"):
            return web.json_response({"access_token": self._token, "token_type": "Bearer", "expires_in": 7200})
        said = await _said(request)
        self.heard.append(said)
        return await _as_told(request, self._turned(said))

    def _turned(self, said: str) -> str:
        at = len(self.heard) * STEP % len(said)
        return said[at:] + said[:at]


async def _said(request: web.Request) -> str:
    headers = "; ".join(f"{name}: {value}" for name, value in request.headers.items())
    body = (await request.read()).decode("utf-8", "replace")
    token = request.headers.get("Authorization", "").rpartition(" ")[2]
    return f"{request.raw_path} {headers} {body} {unquote_plus(request.raw_path)} {unquote_plus(body)} {token} is old "


async def _as_told(request: web.Request, said: str) -> web.StreamResponse:
    how = request.path.split("/")[1]
    no = {"status": "error", "error": said, "errors": [{"field": said, "message": said}]}
    match how:
        case "html":
            return web.Response(text=f"<!DOCTYPE html><html><body>{said}</body></html>", content_type="text/html")
        case "no":
            return web.json_response(no)
        case "redirect":
            return web.Response(status=302, headers={"Location": f"http://127.0.0.1:1/{request.raw_path}"})
        case "reset":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        case "cut":
            cut = web.StreamResponse(headers={"Content-Length": "100000"})
            await cut.prepare(request)
            await cut.write(json.dumps(no).encode())
            assert request.transport is not None
            request.transport.close()
            return cut
        case "hang":
            await asyncio.sleep(60)
            return web.Response()
        case _:
            return web.json_response(no, status=int(how), headers={"Retry-After": "1"} if how == "503" else {})


@contextmanager
def parrot(token: str) -> Iterator[Parrot]:
    """Served from a thread, until the end of the block."""
    serving, made = Event(), Parrot(token)
    opened: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", made.answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        stop = asyncio.Event()
        opened.append((asyncio.get_running_loop(), stop))
        serving.set()
        await stop.wait()
        await runner.cleanup()

    thread = Thread(target=asyncio.run, args=(serve(),), name="parrot")
    thread.start()
    assert serving.wait(10), "the parrot did not begin"
    loop, stop = opened[0]
    try:
        yield made
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
