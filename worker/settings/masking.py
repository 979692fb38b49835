"""How a secret may stand in a text, and that text without it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote, quote_plus, unquote, urlsplit

SECRET: Final = "********"  # noqa: S105  (what stands in a secret's place)
SHORTEST: Final = 4  # characters: a shorter one would riddle every text, and guards nothing
# Somebody who does not know where a password belongs writes it before the host, or behind the address.
MISPLACED: Final = re.compile(r"[^\s\"']*@|(?<=\?)[^\s\"']+")


def spellings(secret: str) -> frozenset[str]:
    """The secret as it is, and as URLs, JSON, Python and HTTP write it; of an address with a password, that too."""
    found: set[str] = set()
    for text in (secret, *_inner(secret)):
        if len(text) >= SHORTEST:
            found |= {text, quote(text, safe=""), quote_plus(text), base64.b64encode(text.encode()).decode()}
            found |= {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1]}
    return frozenset(found)


def _inner(secret: str) -> Iterator[str]:
    try:
        parts = urlsplit(secret)
    except ValueError:
        return
    if parts.password:
        yield unquote(parts.password)
        yield parts.password
        yield f"{unquote(parts.username or '')}:{unquote(parts.password)}"  # as it is sent, in base64


def pattern(secrets: Iterable[str]) -> re.Pattern[str] | None:
    """What finds any of these spellings; ``None`` where there is nothing to be found."""
    longest_first = sorted(secrets, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))) if longest_first else None


def without(text: str, secrets: Iterable[str]) -> str:
    """The text with :data:`SECRET` in the place of each."""
    found = pattern({spelling for secret in secrets for spelling in spellings(secret)})
    return found.sub(SECRET, text) if found else text


def without_misplaced(text: str) -> str:
    """A setting's wrong value, as it may be shown: without what stands where passwords are put by mistake."""
    return MISPLACED.sub(lambda part: f"{SECRET}@" if part[0].endswith("@") else SECRET, text)
