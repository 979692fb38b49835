"""The kinds of values that settings have: how each is written, what is expected of it, and how it is shown."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from worker.core.rate import Rate

SECONDS_IN = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
BYTES_IN = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\s*")
SIZE = re.compile(r"(\d+)\s*(B|KiB|MiB|GiB)")
PERIODS = {"s": 1.0, "min": 60.0, "h": 3600.0}
RATE = re.compile(r"(\d+)\s*/\s*(s|min|h)", re.ASCII)
TOPIC = r"[A-Za-z0-9._-]{1,249}"


@dataclass(frozen=True, slots=True)
class Kind:
    """Beside a setting's type: what is expected, in words for its writer, and how its value is written."""

    expects: str
    show: Callable[[Any], str] | None = None
    brief: str = ""  # for a table, whose page explains the rest


class Address(NamedTuple):
    """Where the admin endpoint listens. Port 0 takes a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def duration(value: object) -> float:
    """45, "45", "500ms", "4h" or "1h30m" → seconds."""
    match value:
        case bool():
            raise ValueError
        case int() | float():
            return _finite(value)
        case str() if (parts := DURATION.findall(value)) and not DURATION.sub("", value.strip()):
            return sum(float(number) * SECONDS_IN[unit] for number, unit in parts)
        case str():
            return _finite(float(value))
        case _:
            raise ValueError


def _finite(value: float) -> float:
    try:
        seconds = float(value)
    except OverflowError as error:  # TOML's integers have no end
        raise ValueError from error
    if not math.isfinite(seconds):
        raise ValueError
    return seconds


def size(value: object) -> int:
    """67108864 or "64MiB" → bytes."""
    match value:
        case bool():
            raise ValueError
        case int():
            return value
        case str() if found := SIZE.fullmatch(value.strip()):
            return int(found[1]) * BYTES_IN[found[2]]
        case str():
            return int(value)
        case _:
            raise ValueError


def whole(value: object) -> object:
    """Whatever may be a whole number: ``true`` is none, though Python takes it for 1."""
    if isinstance(value, bool):
        raise ValueError  # noqa: TRY004  (pydantic collects ValueError, not TypeError)
    return value


def start(value: object) -> Literal["earliest", "latest"] | float:
    """ "earliest", "latest", or a time (ISO 8601, UTC where it names no zone) → Unix seconds."""
    match value:
        case "earliest" | "latest":
            return value
        case str():
            time = datetime.fromisoformat(value)
        case datetime():
            time = value
        case date():
            time = datetime(value.year, value.month, value.day, tzinfo=UTC)
        case _:
            raise ValueError
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def rate(value: object) -> Rate:
    """ "100/min" → at most 100 in any 60 seconds."""
    found = RATE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None or not int(found[1]):
        raise ValueError
    return Rate(int(found[1]), PERIODS[found[2]])


def listed(value: object) -> object:
    """A list may be one text: "a, b" or '["a", "b"]'; environment variables have nothing else."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        return json.loads(value)
    return [part for part in (part.strip() for part in value.split(",")) if part]


def address(value: object) -> Address:
    """ "127.0.0.1:9404" or "[::]:9404" → host and port."""
    if not isinstance(value, str):
        raise ValueError  # noqa: TRY004  (pydantic collects ValueError, not TypeError)
    host, colon, port = value.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit() and int(port) < 65_536):
        raise ValueError
    return Address(host.removeprefix("[").removesuffix("]"), int(port))


def readable(path: Path) -> Path:
    """The path, if what it names can be read now: a missing certificate is found at start, not at the first event."""
    try:
        with path.open("rb"):
            return path
    except OSError as error:
        raise ValueError from error


def web_url(text: str) -> str:
    """The text, if it is an http(s) URL without a user, a password or a query."""
    if not is_web_url(text):
        raise ValueError
    return text


def is_web_url(text: str) -> bool:
    """Is it an http(s) URL that may be logged: without a user, a password or a query?"""
    try:
        parts = urlsplit(text)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return whole and "@" not in parts.netloc and not parts.query


def show_duration(seconds: float) -> str:
    """The shortest spelling with one unit: 14400 → "4h", 0.5 → "500ms"."""
    if not seconds:
        return "0s"
    for unit, length in sorted(SECONDS_IN.items(), key=lambda item: -item[1]):
        if math.isclose(count := round(seconds / length), seconds / length) and count:
            return f"{count}{unit}"
    return f"{seconds}s"


def show_size(count: int) -> str:
    """67108864 → "64MiB"."""
    unit, length = max(((u, n) for u, n in BYTES_IN.items() if count % n == 0), key=lambda item: item[1])
    return f"{count // length}{unit}"


def show_rate(value: Rate) -> str:
    """At most 100 in any 60 seconds → "100/min"."""
    return f"{value.requests}/{next(unit for unit, seconds in PERIODS.items() if seconds == value.per)}"


def show_start(value: str | float) -> str:
    return value if isinstance(value, str) else datetime.fromtimestamp(value, UTC).isoformat()


A_DURATION = Kind('a duration above 0: seconds, or text like "500ms", "10s", "4h"', show_duration, "a duration")
A_SIZE = Kind('a size above 0: bytes, or text like "64MiB"', show_size, "a size")
A_RATE = Kind('a number of requests above 0 and a period, like "100/min" ("/s", "/min" or "/h")', show_rate)
A_START = Kind('"earliest", "latest", or a time like "2026-11-01T00:00:00Z"', show_start)
AN_ADDRESS = Kind('a host and a port, like "127.0.0.1:9404"', str)
A_URL = Kind('a URL like "https://api.example.com"')
A_FILE = Kind("a file that can be read", str)

Duration = Annotated[float, BeforeValidator(duration), Field(gt=0), A_DURATION]
Size = Annotated[int, BeforeValidator(size), Field(gt=0), A_SIZE]
RateOf = Annotated[Rate, BeforeValidator(rate), A_RATE]
Start = Literal["earliest", "latest"] | float
StartAt = Annotated[Start, BeforeValidator(start), A_START]
AdminAddress = Annotated[Address, BeforeValidator(address), AN_ADDRESS]
ReadableFile = Annotated[Path, AfterValidator(readable), A_FILE]
Name = Annotated[str, Field(pattern=rf"^{TOPIC}$")]
Server = Annotated[str, Field(pattern=r"^[^\s,/@]+:\d{1,5}$")]
