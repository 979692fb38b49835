"""How Segment's libraries say one thing differently, and the form in which they say the same.

Each difference has its reason beside it; whatever is not here must be equal. The Python library's record is what the
others are held against.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from tests.whole.events import script, user_of

Entry = dict[str, Any]
# The Java library's pages must have a name; the script's five that have none are called so.
NO_NAME: Final = "(no name)"
TITLE_OF_THESE: Final = "Kiln & Kettle — /"


def in_script_order(library: str) -> list[bytes]:
    """The script's 378 messages, message by message in the order of the Python library's file.

    The Node library's batches overtake each other on their way. The others' are in order.
    """
    messages = script(library)
    if library != "node":
        return messages
    found = {_fingerprint(message): message for message in messages}
    return [found[_fingerprint(message)] for message in script("python")]


def _fingerprint(raw: bytes) -> tuple[object, ...]:
    """Which call of the script it is: no two of a shopper's are alike in this."""
    message = orjson.loads(raw)
    said = message.get("properties") or message.get("traits") or {}
    names = {name for name, value in said.items() if value is not None} - {"category", "name"}
    title = message.get("name") if message["type"] in ("page", "screen") else None
    return message["type"], message.get("event"), title, user_of(message), frozenset(names)


# --- One form for all


def common(value: Any) -> Any:
    """Without ``null`` (Java's library leaves it out), ``86.0`` as ``86`` (JavaScript has no other), times in UTC (each
    library writes a native date its own way)."""
    match value:
        case dict():
            return {name: common(each) for name, each in _with_birthday(value).items() if each is not None}
        case list():
            return [common(each) for each in value]
        case str():
            return _moment(value) or re.sub(r"(?<=\d)\.0$", "", value)
    return value


def _moment(text: str) -> str | None:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d(T.*)?", text):
        return None
    found = datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC).isoformat()


def _with_birthday(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """A native date is a date in Python and Java, a date-time in JavaScript: at Wootric that is another property."""
    if "birthday_date" not in values:
        return values
    day = datetime.fromtimestamp(int(values["birthday_date"]), UTC).date().isoformat()
    return {"birthday": day, **{name: value for name, value in values.items() if name != "birthday_date"}}


# --- At Wigzo: what is expected and what arrived, without what is known to differ


def _node(expected: Entry, arrived: Entry) -> tuple[Entry, Entry]:
    # The library copies a page's category into its properties.
    return _without(expected, "category"), _without(arrived, "category")


def _java(expected: Entry, arrived: Entry) -> tuple[Entry, Entry]:
    if arrived.get("event") == "view" and arrived["value"]["title"] == NO_NAME:
        return expected, {**arrived, "value": {**arrived["value"], "title": TITLE_OF_THESE}}
    return expected, arrived


def _browser(expected: Entry, arrived: Entry) -> tuple[Entry, Entry]:
    if "identify" in expected:
        # It sends all traits that it remembers, with the e-mail address: an id that looks like one says nothing then.
        named = expected["identify"].keys() - {"email"}
        remembered = {name: value for name, value in arrived["identify"].items() if name in named}
        return {"identify": {name: expected["identify"][name] for name in named}}, {"identify": remembered}
    # It copies category and name into a page's properties; the referrer and the query are those of its address bar,
    # its screens are on a page, and a page that nobody described has no keywords.
    names = ("category", "name", "referrer", "search", "keywords")
    screen = ("canonicalUrl",) if arrived["source"] == "app" else ()
    return _without(expected, *names, *screen), _without(_without_queries(arrived), *names, *screen)


def _without(entry: Entry, *names: str) -> Entry:
    """A view without these."""
    if entry.get("event") != "view":
        return entry
    return {**entry, "value": {name: value for name, value in entry["value"].items() if name not in names}}


def _without_queries(value: Any) -> Any:
    match value:
        case dict():
            return {name: _without_queries(each) for name, each in value.items()}
        case str() if value.startswith("https://shop.example/"):
            return value.partition("?")[0]
    return value


AT_WIGZO: Final[Mapping[str, Callable[[Entry, Entry], tuple[Entry, Entry]]]] = {
    "node": _node,
    "browser": _browser,
    "java": _java,
}


# --- At Wootric


def at_wootric(library: str, requests: list[Entry]) -> list[Entry]:
    """One end user's requests in the common form, as far as they are to be the same."""
    return [common(_timeless(each)) for each in _without_queries_in(requests) if library != "browser" or _is_told(each)]


def _without_queries_in(requests: list[Entry]) -> list[Entry]:
    return [_without_queries(each) for each in requests]


def _is_told(request: Entry) -> bool:
    """Of a browser's shopper, only what is said of its events is the same: checks, survey e-mails and declines.

    It remembers traits, so other ones are written; before *identify* nobody has an id, so nobody is looked for; and
    without ``context.ip``, which Segment's servers add, a survey's score cannot be posted.
    """
    return bool(request.keys() & {"eligible", "email-survey", "decline"})


def _timeless(request: Entry) -> Entry:
    """Each library's run was at another time."""
    return {
        name: {key: value for key, value in said.items() if key != "created_at"} if isinstance(said, dict) else said
        for name, said in request.items()
    }
