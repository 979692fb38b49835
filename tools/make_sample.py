"""Makes the demo's sample of events: an invented shop's traffic, through Segment's own Python library.

What the library puts on the wire is captured on the loopback interface and kept as text, so that number forms, escapes
and key order are the library's own. One Kafka record a line: most lines are one message, some are whole batch bodies
(a nightly import), a few are broken. Everything is seeded; only an envelope's ``sentAt`` differs between two runs.

    python -m venv venv && venv/bin/pip install segment-analytics-python==2.4.0
    venv/bin/python tools/make_sample.py worker/demo/sample.jsonl.gz
"""
# ruff: noqa: INP001, S311  (a script; seeded randomness on purpose)

from __future__ import annotations

import gzip
import json
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from segment.analytics.client import Client
from shop_traffic import Call, Traffic, nightly_import

SEED = 20260309


def captured(calls: list[Call], random: Random, batch: int) -> list[str]:
    """The batch bodies that the library posts for these calls."""
    bodies: list[str] = []

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"success": true}')

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host = f"http://127.0.0.1:{server.server_address[1]}"
    client = Client("wk_lantern_and_loom", host=host, upload_size=batch, max_queue_size=len(calls) + 1, on_error=_fail)
    for time, method, arguments in calls:
        given = {name: value for name, value in arguments.items() if value is not ...}
        message_id = str(UUID(int=random.getrandbits(128), version=4))
        send: Callable[..., Any] = getattr(client, method)
        send(timestamp=time, message_id=message_id, **given)
    client.flush()
    client.shutdown()
    server.shutdown()
    return bodies


def _fail(error: Exception, _: object) -> None:
    raise SystemExit(f"the library could not send: {error}")


def messages(body: str) -> Iterator[str]:
    """Each message of a batch body, as the text that it is there."""
    decoder = json.JSONDecoder()
    at = body.index("[") + 1
    while body[at] != "]":
        _, end = decoder.raw_decode(body, at)
        yield body[at:end]
        at = end + 2 if body[end] == "," else end


def broken(example: str) -> list[bytes]:
    """What finds its way into a topic besides."""
    whole = example.encode()
    return [
        whole[: len(whole) // 2],
        b"<!doctype html><html><h1>502 Bad Gateway</h1></html>",
        b'{"type": "trakc", "event": "Product Added", "userId": "41001", "messageId": "odd-1"}',
        b'{"type": "track", "userId": "41002", "messageId": "odd-2", "properties": {}}',
        '{"type": "track", "event": "Café", "userId": "41003"}'.encode("latin-1"),
        b'[{"type": "page", "userId": "41004"}]',
    ]


def main(target: Path) -> None:
    random = Random(SEED)
    singles = [text for body in captured(Traffic(random).made(), random, 100) for text in messages(body)]
    # The import's customers are nobody else's, so it does not matter where among the others its batches come.
    others = [*(body.encode() for body in captured(nightly_import(random), random, 8)), *broken(singles[0])]
    step = len(singles) // len(others)
    lines = [
        line
        for number, single in enumerate(singles)
        for line in (
            single.encode(),
            *(others[number // step : number // step + 1] if number % step == step // 2 else ()),
        )
    ]
    with gzip.GzipFile(target, "wb", mtime=0) as out:
        out.write(b"\n".join(lines) + b"\n")
    print(f"{len(lines)} records, {target.stat().st_size >> 10} KB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
