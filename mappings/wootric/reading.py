"""Wootric's end users, read leniently: fields may be absent, numbers may be text, properties a string."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from mappings.contract import EMPTY
from mappings.fields import identifier, instant, text
from mappings.wootric.profile import Profile
from mappings.wootric.properties import unix_seconds

# What a string of properties is made of besides JSON: single quotes, Ruby's arrows and nil, Python's words.
FOREIGN: Final = re.compile(
    r""""(?:[^"\\]|\\.)*"|'((?:[^'\\]|\\.)*)'|=>|\b(?:nil|None|True|False)\b""",
)
AS_JSON: Final = {"=>": ":", "nil": "null", "None": "null", "True": "true", "False": "false"}


def read(body: Mapping[str, Any]) -> Profile:
    """The end user in an answer."""
    since = instant(body.get("external_created_at"))
    return Profile(
        external_id=identifier(body.get("external_id")),
        email=identifier(body.get("email")),
        phone=identifier(body.get("phone_number")),
        created=None if since is None else unix_seconds(since),
        properties=dict(_scalars(_properties(body.get("properties")))),
    )


def read_id(body: Mapping[str, Any]) -> str | None:
    """The numeric id in an answer; ``None`` where it is none."""
    found = identifier(body.get("id"))
    return found if found and found.isascii() and found.isdigit() else None


def is_whole(body: Mapping[str, Any]) -> bool:
    """Is it an end user with its properties, rather than a word about one?"""
    return read_id(body) is not None and "properties" in body


def _scalars(values: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        if isinstance(key, str) and (written := text(value)) is not None:
            yield key, written


def _properties(value: Any) -> Mapping[Any, Any]:
    """An object, or one that was written into a string: as JSON, with single quotes, or in Ruby's way."""
    if isinstance(value, str):
        value = _written(value)
    return value if isinstance(value, Mapping) else EMPTY


def _written(value: str) -> Any:
    for text_of in (str, _as_json):
        try:
            return json.loads(text_of(value))
        except (ValueError, RecursionError):
            continue
    return None


def _as_json(value: str) -> str:
    return FOREIGN.sub(_token_as_json, value)


def _token_as_json(token: re.Match[str]) -> str:
    if token[1] is not None:
        return json.dumps(token[1].replace("\\'", "'"))
    return AS_JSON.get(token[0], token[0])
