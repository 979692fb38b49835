"""Details for people, without the person: what a vendor says of an event is kept, whom it says it of is not.

A vendor's message repeats what it was sent ("ann@example.com has already been taken"). Masked are the event's own
strings, in any case and also where the message has them JSON- or percent-escaped, e-mail addresses, what looks like a
token, runs of six digits and more, and the secrets of the set-up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.parse import unquote

from mappings.contract import Event

LONGEST: Final = 500
MASK: Final = "…"
# So much of a detail is looked at, and half of it can appear: whatever begins in that half is seen to its end.
WINDOW: Final = 2_000
SHOWN: Final = WINDOW // 2
# Shorter values say nothing of a person, and would riddle the sentence.
SHORTEST_VALUE: Final = 4
# Of longer ones every part of so many characters is looked for: a message may quote a part, or be cut within one.
PART: Final = 8
# An event of more is not searched: its details are withheld. Segment's own limit for a call is 32 KB.
MOST_VALUES: Final = 2_000
MOST_CHARACTERS: Final = 100_000
WITHHELD: Final = "(withheld: the event has too many values to mask them all)"

CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]+")
ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|([\"'/\\]))")
SENSITIVE: Final = (
    re.compile(r"[^\s@<>\"'(),;:]{1,64}@[^\s@<>\"'(),;:]{1,255}"),
    re.compile(r"\+?\d(?:[ ().\-/]{0,2}\d){5,}"),
    re.compile(r"(?=[\w+=.~\-]{0,200}?\d)[\w+=.~\-]{20,}", re.ASCII),
    re.compile(r"(?<=bearer )\S+|(?<=basic )\S+", re.IGNORECASE),
    re.compile(r"(?<=token=)[^\s&]+|(?<=secret=)[^\s&]+|(?<=password=)[^\s&]+|(?<=key=)[^\s&]+", re.IGNORECASE),
)


def masked(detail: str, event: Event | None, secrets: Iterable[str] = ()) -> str:
    """At most :data:`LONGEST` characters, on one line. ``event`` is whose strings are masked, where there is one.

    The cost is bounded whatever the event and the detail are.
    """
    values = [] if event is None else _values(event)
    if values is None:
        return WITHHELD
    text = _plain(detail[:WINDOW])
    hidden = bytearray(len(text))
    for start, end in _matches(text, [*values, *secrets]):
        hidden[start:end] = b"\1" * (end - start)
    return _shown(text, hidden[:SHOWN] if len(detail) > WINDOW else hidden)


def _plain(text: str) -> str:
    """Escapes undone, so that a name is found however the message writes it; and on one line."""
    text = unquote(ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else found[2], text))
    # An escaped character outside the basic plane came as two halves.
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return CONTROL.sub(" ", text).strip()


def _shown(text: str, hidden: bytearray) -> str:
    """Each hidden run as one :data:`MASK`."""
    runs = re.finditer(rb"\x00+|\x01+", hidden)
    said = "".join(MASK if run[0][0] else text[run.start() : run.end()] for run in runs)
    return said if len(said) <= LONGEST else said[: LONGEST - 1] + MASK


# --- What is looked for


def _matches(text: str, values: Iterable[str]) -> Iterator[tuple[int, int]]:
    for pattern in SENSITIVE:
        yield from (found.span() for found in pattern.finditer(text))
    folded = _folded(text)
    parts: set[str] = set()
    for value in values:
        plain = _folded(_plain(value[:WINDOW]))
        if len(plain) >= PART:
            parts.update(plain[at : at + PART] for at in range(len(plain) - PART + 1))
        elif len(plain) >= SHORTEST_VALUE:
            yield from _wholes(plain, folded)
    for at in range(len(folded) - PART + 1):
        part = folded[at : at + PART]
        if part in parts:  # the blanks around a word say nothing of it
            yield at + PART - len(part.lstrip()), at + len(part.rstrip())


def _wholes(value: str, folded: str) -> Iterator[tuple[int, int]]:
    at = folded.find(value)
    while at >= 0:
        yield at, at + len(value)
        at = folded.find(value, at + len(value))


def _folded(text: str) -> str:
    """Lower case, character for character: positions stay what they were (``İ`` would become two)."""
    lower = text.lower()
    return lower if len(lower) == len(text) else "".join(c if len(c.lower()) > 1 else c.lower() for c in text)


def _values(event: Event) -> list[str] | None:
    """Every string and number of the message but its type, once, and each word of the traits; ``None``: too many."""
    found = dict.fromkeys(filter(None, (event.id, event.user_id, event.anonymous_id)))
    waiting: list[tuple[Any, bool]] = [(v, name == "traits") for name, v in event.message.items() if name != "type"]
    while waiting:
        if len(found) + len(waiting) > MOST_VALUES:
            return None
        value, is_trait = waiting.pop()
        if isinstance(value, dict) and len(value) <= MOST_VALUES:
            waiting.extend((child, is_trait or name == "traits") for name, child in value.items())
        elif isinstance(value, list) and len(value) <= MOST_VALUES:
            waiting.extend((child, is_trait) for child in value)
        elif isinstance(value, dict | list):
            return None
        else:
            found.update(dict.fromkeys(_words(value, is_trait)))
    return list(found) if sum(min(len(value), WINDOW) for value in found) <= MOST_CHARACTERS else None


def _words(value: Any, is_trait: bool) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value, *value[:WINDOW].split()) if is_trait else (value,)
    return (str(value),) if isinstance(value, int | float) and not isinstance(value, bool) else ()
