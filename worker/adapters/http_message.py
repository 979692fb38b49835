"""What a request looks like on the wire, and what an answer's body says: no connection, no loop."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, urlencode

import orjson

from mappings.contract import Request

JSON_TYPE = "application/json"
FORM_TYPE = "application/x-www-form-urlencoded"
INFLATE_EITHER = zlib.MAX_WBITS | 32  # gzip or zlib, by its header
INFLATE_RAW = -zlib.MAX_WBITS  # what some servers call "deflate"


def target(url: str, query: Sequence[tuple[str, str]]) -> str:
    """The URL to ask for. ``url`` is taken as it is (its path is encoded already), the query's pairs are encoded here.

    Raises ``ValueError`` where ``url`` holds what a request line cannot carry: a space, a control, not ASCII.
    """
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("the URL is not percent-encoded")
    if not query:
        return url
    return f"{url}{'&' if '?' in url else '?'}{_pairs(query)}"


@dataclass(frozen=True, slots=True)
class Payload:
    """A request's body."""

    content: bytes = field(repr=False)
    content_type: str


def payload(request: Request) -> Payload | None:
    """The body; ``None`` where there is none. Raises ``ValueError`` where it cannot be written."""
    if request.json is not None:
        return Payload(as_json(request.json), JSON_TYPE)
    if request.form is not None:
        return Payload(_pairs(request.form).encode("ascii"), FORM_TYPE)
    return None


def as_json(value: Any) -> bytes:
    """JSON, in UTF-8. ``NaN`` and infinities become ``null``.

    What orjson refuses and Segment's libraries send (lone surrogates, integers over 64 bits, objects nested deeply) is
    written by the slower writer of the standard library. Raises ``ValueError`` for what is not JSON at all.
    """
    try:
        return orjson.dumps(value, default=_plain)
    except orjson.JSONEncodeError:
        pass
    try:
        return json.dumps(_finite(value), separators=(",", ":"), allow_nan=False, default=_plain).encode()
    except (TypeError, RecursionError) as error:
        raise ValueError(f"the body is not JSON: {type(error).__name__}") from None


def inflate(body: bytes, encoding: str, limit: int) -> bytes | None:
    """The body without its content encoding; ``None`` where it is over ``limit`` bytes, damaged, cut or unknown.

    No more than ``limit`` + 1 bytes are ever made of it.
    """
    match encoding.strip().lower():
        case "" | "identity":
            return body
        case "gzip" | "x-gzip":
            return _inflate(body, INFLATE_EITHER, limit)
        case "deflate":
            either = _inflate(body, INFLATE_EITHER, limit)
            return _inflate(body, INFLATE_RAW, limit) if either is None else either
        case _:
            return None


def _inflate(body: bytes, window: int, limit: int) -> bytes | None:
    stream = zlib.decompressobj(window)
    try:
        inflated = stream.decompress(body, limit + 1)
    except zlib.error:
        return None
    return inflated if stream.eof and len(inflated) <= limit else None


def _pairs(pairs: Sequence[tuple[str, str]]) -> str:
    # A lone surrogate has no UTF-8: what stands in for it elsewhere on the web does here.
    return urlencode(pairs, quote_via=quote_plus, encoding="utf-8", errors="replace")


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(type(value).__name__)


def _finite(value: Any) -> Any:
    """As orjson writes them: ``NaN`` and infinities as ``null``."""
    match value:
        case float():
            return value if value - value == 0 else None
        case Mapping():
            return {key: _finite(member) for key, member in value.items()}
        case list() | tuple():
            return [_finite(member) for member in value]
        case _:
            return value
