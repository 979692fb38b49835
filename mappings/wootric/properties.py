"""Traits and properties under Wootric's rules: flat, text, and typed by the suffix of their key.

No suffix: text. ``_amount``: an integer. ``_date``: Unix seconds. ``_array``: comma-separated. Keys hold no ``$``,
``.`` or NUL. (The vendor's page on end users' properties.)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from math import floor
from typing import Any, Final

from mappings.fields import flatten, instant, text

# What an end user has fields for, or what is no property of a person (an id that its source gave).
NO_PROPERTY: Final = frozenset({"email", "phone", "created", "createdAt", "created_at", "id", "userId", "anonymousId"})
# Brackets are not forbidden, but properties[a[b]] would be read as a nested value, which is.
FORBIDDEN: Final = str.maketrans("$.\0[]", "_____")
DATE_TIME: Final = re.compile(r"\d{4}-?\d\d-?\d\d[Tt ]\d\d")
NUMBER: Final = re.compile(r"[+-]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})")
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
SECOND: Final = timedelta(seconds=1)
HALF: Final = Fraction(1, 2)


def of_traits(traits: Mapping[str, Any]) -> dict[str, str]:
    """A person's traits as properties, without those that an end user has fields for."""
    return typed({key: value for key, value in traits.items() if not _has_a_field(key)})


def typed(values: Mapping[str, Any]) -> dict[str, str]:
    """``values`` as properties. What has no form there (``null``, nested arrays, no number as amount) is left out."""
    properties: dict[str, str] = {}
    for key, value in flatten(values).items():
        name, written = _typed(key.translate(FORBIDDEN), value)
        if name and written is not None:
            properties[name] = written
    return properties


def unix_seconds(moment: datetime) -> int:
    """Rounded half up to the second: Wootric takes whole ones only."""
    return (moment - EPOCH + SECOND / 2) // SECOND


def _has_a_field(key: str) -> bool:
    # The e-mail accessor reads its key in any case.
    return key in NO_PROPERTY or key.lower() == "email"


def _typed(key: str, value: Any) -> tuple[str, str | None]:
    if isinstance(value, list | tuple):
        return _suffixed(key, "_array"), _array(value)
    if key.endswith("_amount"):
        return key, _amount(value)
    if key.endswith("_date"):
        return key, _date(value)
    if isinstance(value, str) and DATE_TIME.match(value) and (date := _date(value)):
        return f"{key}_date" if key else "", date
    return key, text(value)


def _suffixed(key: str, suffix: str) -> str:
    return key if not key or key.endswith(suffix) else key + suffix


def _array(values: list[Any] | tuple[Any, ...]) -> str | None:
    if any(isinstance(value, list | tuple | Mapping) for value in values):
        return None
    return ",".join(written for value in values if (written := text(value)) is not None)


def _amount(value: Any) -> str | None:
    if isinstance(value, bool) or (isinstance(value, str) and not NUMBER.fullmatch(value.strip())):
        return None
    written = text(value)
    return None if written is None else str(floor(Fraction(written.strip()) + HALF))


def _date(value: Any) -> str | None:
    moment = instant(value)
    return None if moment is None else str(unix_seconds(moment))
