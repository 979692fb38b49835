"""A request's head: where it goes, and the lines before its body."""

from __future__ import annotations

import re
from typing import Final, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from worker.adapters.http_bounds import USER_AGENT

PORTS: Final = {"http": 80, "https": 443}
# Answers are a few hundred bytes. What comes compressed all the same is inflated, to a bound.
OURS: Final = (("User-Agent", USER_AGENT), ("Accept", "*/*"), ("Accept-Encoding", "identity"))
ADDRESS: Final = re.compile(r"([^:/?#]+://[^/?#]*)([^#]*)")  # RFC 3986, appendix B
NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
UNSPEAKABLE: Final = re.compile(r"[\0-\x08\x0a-\x1f\x7f]")

Pairs: TypeAlias = tuple[tuple[str, str], ...]


class Origin(NamedTuple):
    """What one connection may serve."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """As the header Host has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def origin_of(url: str) -> Origin:
    """Raises ``ValueError`` where it is none of HTTP, or names a person."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS or parts.hostname is None or parts.username is not None:
        raise ValueError("the URL is none of HTTP")
    return Origin(parts.scheme, parts.hostname, parts.port or PORTS[parts.scheme])


def located(url: str) -> tuple[Origin, str]:
    """Where it goes, and its target there; what follows a ``#`` is nobody's business. Raises ``ValueError``."""
    parts = ADDRESS.match(url)
    if parts is None:
        raise ValueError("the URL is none of HTTP")
    base, path = parts.groups()
    return origin_of(base), path if path.startswith("/") else f"/{path}"


def head_of(method: str, origin: Origin, path: str, headers: Pairs) -> bytes:
    """All but what the body says of itself. Of two headers with one name the last counts; Host is ours.

    Raises ``ValueError`` for what a header cannot carry.
    """
    given = {name.lower(): (name, value) for name, value in (*OURS, *headers)}
    given["host"] = ("Host", origin.authority)
    for name, value in given.values():
        if not NAME.fullmatch(name) or UNSPEAKABLE.search(value):
            raise ValueError("a header that is none")
    lines = "".join(f"{name}: {value}\r\n" for name, value in given.values())
    return f"{method} {path} HTTP/1.1\r\n{lines}".encode()
