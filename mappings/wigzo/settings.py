"""The settings of one account at Wigzo."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from mappings.contract import setting

__all__ = ["Account"]

PORTS = {"http": 80, "https": 443}
NO_URL = "base_url must be an absolute http or https URL without query or login, such as https://app.wigzo.com"


@dataclass(frozen=True)
class Account:
    """An organization at Wigzo.

    Not slotted: what every request repeats (tokens, addresses) is put together once and kept beside the fields.
    """

    org_token: str = setting(
        help="Organization Token, from the generated snippet under Settings > Integration", secret=True
    )
    api_token: str | None = setting(
        None, help="API token, sent as `token` beside the Organization Token when there is one", secret=True
    )
    base_url: str = setting("https://app.wigzo.com", help="where the API is; the same back end runs under other brands")
    product_event: str = setting("product/push", help="name of the event that indexes a product")
    user_id_format: Literal["verbatim", "uuid"] = setting(
        "verbatim", help="ids as they are (`verbatim`), or a stable UUID in place of those that are none (`uuid`)"
    )

    def __post_init__(self) -> None:
        """Raise ``ValueError`` with every mistake at once."""
        mistakes = [
            *_blank("org_token", self.org_token),
            *([] if _usable(self.base_url) else [NO_URL]),
            *_blank("product_event", self.product_event),
        ]
        if self.user_id_format not in ("verbatim", "uuid"):
            mistakes.append('user_id_format must be "verbatim" or "uuid"')
        if mistakes:
            raise ValueError("; ".join(mistakes))

    @cached_property
    def origin(self) -> str:
        """The only place that requests go to: scheme, host, and the port where it is not the scheme's own."""
        parts = urlsplit(self.base_url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        own_port = parts.port in (None, PORTS[parts.scheme])
        return f"{parts.scheme}://{host}" if own_port else f"{parts.scheme}://{host}:{parts.port}"

    @cached_property
    def event_url(self) -> str:
        """Where events are learnt."""
        return self._url("event")

    @cached_property
    def identify_url(self) -> str:
        """Where people are learnt."""
        return self._url("identify")

    @cached_property
    def query(self) -> tuple[tuple[str, str], ...]:
        """The tokens; they go nowhere else."""
        org = ("org_token", self.org_token)
        return (org, ("token", self.api_token)) if self.api_token else (org,)

    def _url(self, name: str) -> str:
        return f"{self.origin}{urlsplit(self.base_url).path.rstrip('/')}/rest/v1/learn/{name}"


def _blank(name: str, value: str) -> list[str]:
    return [] if value.strip() else [f"{name} must not be empty"]


def _usable(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in PORTS and bool(parts.hostname) and parts.port != 0 and _plain(url, parts)
    except ValueError:  # a port that is no number, half an IPv6 address
        return False


def _plain(url: str, parts: SplitResult) -> bool:
    printable = url.isascii() and url.isprintable() and " " not in url
    return printable and "@" not in parts.netloc and "?" not in url and "#" not in url
