"""``page`` and ``screen`` → the value of a ``view``."""

from __future__ import annotations

from typing import Any

from mappings.contract import Event
from mappings.fields import part, text

__all__ = ["first_text", "view"]


def view(event: Event) -> dict[str, Any]:
    """All properties, with ``canonicalUrl`` and ``title`` where they are known; the call's name wins as the title."""
    properties = event.properties
    page = part(event.context, "page")
    url = first_text(properties.get("url"), page.get("url"))
    title = first_text(event.message.get("name"), properties.get("title"), page.get("title"))
    return {
        **properties,
        **({"canonicalUrl": url} if url else {}),
        **({"title": title} if title else {}),
    }


def first_text(*values: Any) -> str | None:
    """The first of the values that is a scalar with something in it, as text."""
    for value in values:
        found = text(value)
        if found and not found.isspace():
            return found
    return None
