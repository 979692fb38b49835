"""Marked texts, and where traces of them are found: as they are, in any case, escaped, encoded, or in part."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import unquote, unquote_plus

WORD = 14  # letters
PART = 8  # so many in a row are no chance


def word(name: str) -> str:
    """A word of its own for each name: small letters only, so that no pattern of numbers or tokens hides it."""
    return "".join(chr(ord("a") + byte % 26) for byte in sha256(name.encode()).digest()[:WORD])


class Marks:
    """The words that were handed out, by what they stand for."""

    def __init__(self) -> None:
        self.words: dict[str, str] = {}

    def __call__(self, name: str) -> str:
        made = self.words[name] = word(name)
        return made

    def email(self, name: str) -> str:
        """Both of its halves are marked."""
        return f"{self(f'{name} (mailbox)')}@{self(f'{name} (domain)')}.example"

    def phrase(self, name: str) -> str:
        """Three words of which a vendor may quote one."""
        return " ".join(self(f"{name} ({number})").title() for number in range(3))

    def odd(self, name: str) -> str:
        """With everything in it that somebody escapes."""
        return f"{self(f'{name} (first half)')}\"'\\ +%&/é{self(f'{name} (second half)')}"

    def spread(self, name: str, value: Any) -> Any:
        """The value, with a mark in place of each text in it; what it stands for is its path."""
        match value:
            case Mapping():
                return {key: self.spread(f"{name}.{key}", child) for key, child in value.items()}
            case list():
                return [self.spread(f"{name}.{number}", child) for number, child in enumerate(value)]
            case "email":
                return self.email(name)
            case "phrase":
                return self.phrase(name)
            case "url":
                return f"https://{self(f'{name} (host)')}.example/{self(f'{name} (path)')}?q={self(f'{name} (query)')}"
            case "":
                return self(name)
            case _:
                return value


def traces(text: str, words: Mapping[str, str]) -> set[str]:
    """What the marks that are found stand for."""
    parts = {made[at : at + PART]: name for name, made in words.items() for at in range(len(made) - PART + 1)}
    found = {reading[at : at + PART] for reading in _readings(text) for at in range(len(reading) - PART + 1)}
    return {parts[part] for part in found & parts.keys()}


def _readings(text: str) -> Iterator[str]:
    plain = text.lower()
    yield plain
    yield unquote(plain)
    yield unquote_plus(plain)
    yield re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), plain)
    yield from _decoded(re.findall(r"[A-Za-z0-9+/_-]{12,}", text))


def _decoded(runs: Iterable[str]) -> Iterator[str]:
    """What base64 may hide: from each of the four places where it may begin."""
    for run in runs:
        for start in range(4):
            part = run[start:].replace("-", "+").replace("_", "/")
            part = part[: len(part) - len(part) % 4]
            yield base64.b64decode(part).decode("latin-1").lower()
