"""What Wootric's fields may hold. Each check says what is wrong, or nothing."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any, Final

from worker.sandbox.forms import Check

EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PHONE: Final = re.compile(r"\+[0-9]{5,20}")
_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")
_SECONDS: Final = re.compile(r"-?[0-9]{1,10}")  # eleven digits and more are milliseconds
_SCORE: Final = re.compile(r"[0-9]|10")
_FORBIDDEN_IN_KEYS: Final = re.compile(r"[$.\0]")


def _matching(pattern: re.Pattern[str], why: str) -> Check:
    return lambda value: "" if isinstance(value, str) and pattern.fullmatch(value) else why


email: Final = _matching(EMAIL, "must be an e-mail address")
phone: Final = _matching(_PHONE, "must begin with + and have digits only")
seconds: Final = _matching(_SECONDS, "must be Unix seconds")
integer: Final = _matching(_INTEGER, "must be an integer")
score: Final = _matching(_SCORE, "must be an integer from 0 to 10")
boolean: Final = _matching(re.compile("true|false"), "must be true or false")
text: Final = _matching(re.compile(r".+", re.DOTALL), "must be text")
any_text: Final = _matching(re.compile(r".*", re.DOTALL), "must be text")
url: Final = _matching(re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE), "must be a URL")


def ip_address(value: Any) -> str:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return "must be an IP address"
    return ""


def emails(value: Any) -> str:
    if not isinstance(value, list) or not 1 <= len(value) <= 100:
        return "must be a list of 1 to 100 e-mail addresses"
    return next(filter(None, map(email, value)), "")


# A key's suffix gives its value's type; a list is text with commas.
_BY_SUFFIX: Final[Mapping[str, Check]] = {"_amount": integer, "_date": seconds}


def properties(value: Any) -> str:
    """Custom properties: flat, their keys without what the vendor's storage cannot name."""
    if not isinstance(value, dict):
        return "must be keys and values"
    return next(filter(None, (_property(key, held) for key, held in value.items())), "")


def _property(key: str, value: Any) -> str:
    if _FORBIDDEN_IN_KEYS.search(key):
        return "has a key with $, . or NUL"
    if not isinstance(value, str):
        return "has a nested value"
    suffix = next((suffix for suffix in _BY_SUFFIX if key.endswith(suffix)), "")
    why = _BY_SUFFIX[suffix](value) if suffix else ""
    return f"has a key with {suffix} whose value {why}" if why else ""


def within(**fields: Check) -> Check:
    """An object that holds nothing but these fields."""

    def check(value: Any) -> str:
        if not isinstance(value, dict):
            return "must be keys and values"
        if unknown := value.keys() - fields.keys():
            return f"has no field {min(unknown)}"
        return next((f"{name} {why}" for name, held in value.items() if (why := fields[name](held))), "")

    return check
