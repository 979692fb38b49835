"""Reads JSON that orjson refuses and real libraries send.

Segment's Python library writes ``NaN`` and ``Infinity`` as bare words, and lone surrogates as ``\\ud83d``. An event is
not lost for that, nor are its neighbours in the envelope: numbers that are none become ``null``, lone surrogates
U+FFFD. A byte order mark is passed over. What is nested deeper than any reader goes is cut off below a depth, so that
one such member of an envelope costs its neighbours nothing. Everything else that is not JSON is refused, with the
reason.
"""

from __future__ import annotations

import json
import re
from itertools import islice
from math import isfinite
from typing import Any, Final

import orjson

# A string that is never closed goes to the end: tried again from each of its quotes, it would cost the square.
NEVER_CLOSED: Final = "nested deeper than any reader goes, or never closed"
TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*+\\?(?:"|\Z)|[\[\]{}]', re.DOTALL)
# A record of more is not worth the time of the others: half a second on one core would be a million.
MOST_TOKENS: Final = 200_000
LONE_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
# No number of 64 bits has more. A longer one is a float, as orjson has it; and Python counts its digits in square time.
DIGITS_OF_AN_INTEGER: Final = 20


class UnreadableError(Exception):
    """No JSON: ``reason`` is a slug of :mod:`worker.core.reasons`, ``detail`` says where, without quoting anything."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


def read(value: bytes, deepest: int) -> Any:
    """The JSON value of these bytes. Raises :class:`UnreadableError`, and nothing else for any bytes.

    Where it is nested deeper than a reader goes, what lies below ``deepest`` levels is ``null``.
    """
    try:
        text = value.decode("utf-8-sig")
        try:
            return _repaired(text)
        except RecursionError:
            return _repaired(_shallow(text, deepest))
    except UnicodeDecodeError as error:
        raise UnreadableError("bad-encoding", f"not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:  # orjson's is a subclass
        if text.count("[") + text.count("{") - text.count("]") - text.count("}") > deepest:
            raise UnreadableError("too-deep", NEVER_CLOSED) from None
        raise UnreadableError("not-json", f"{error.msg}, at character {error.pos}") from None


def _shallow(text: str, deepest: int) -> str:
    kept, depth, start = [], 0, 0
    for token in islice(TOKEN.finditer(text), MOST_TOKENS):
        if token[0] in "[{":
            depth += 1
            if depth == deepest + 1:
                kept.append(text[start : token.start()])
        elif token[0] in "]}":
            depth -= 1
            if depth == deepest:
                kept.append("null")
                start = token.end()
    if depth:
        raise UnreadableError("too-deep", NEVER_CLOSED)
    return "".join((*kept, text[start:]))


def _repaired(text: str) -> Any:
    # Written out and read again by orjson: so both readers give the same value for the same number, and a surrogate
    # pair that was escaped in two halves is already one character when the lone ones are looked for.
    found = json.loads(text, parse_constant=_no_number, parse_float=_finite, parse_int=_whole)
    written = LONE_SURROGATE.sub("\ufffd", json.dumps(found, ensure_ascii=False))
    try:
        return orjson.loads(written)
    except orjson.JSONDecodeError:  # pragma: no cover  (it is JSON: Pythons from 3.12 on read deeper than orjson)
        raise RecursionError from None


def _no_number(_word: str) -> None:
    return None


def _finite(text: str) -> float | None:
    value = float(text)
    return value if isfinite(value) else None


def _whole(text: str) -> float | int | None:
    return int(text) if len(text) <= DIGITS_OF_AN_INTEGER else _finite(text)
