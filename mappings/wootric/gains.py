"""What an event other than identify adds to its end user's properties, and says of the page it happened on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from mappings.contract import Event, EventType, Unmappable
from mappings.fields import identifier, part
from mappings.wootric.profile import Pairs
from mappings.wootric.properties import typed


def gains(event: Event) -> dict[str, str]:
    """The properties that ``event`` adds."""
    return OF_TYPE[event.type](event)


def page_info(event: Event) -> Pairs:
    """What Wootric's targeting knows of a page view: ``page_info[url]``, ``[name]``, ``[path]``."""
    return tuple((f"page_info[{name}]", value) for name, value in _viewed(event).items())


def event_name(event: Event) -> str:
    """The name of a track, verbatim: targeting compares it exactly."""
    name = event.message.get("event")
    if not isinstance(name, str) or not name:
        raise Unmappable("no-event", "event is missing or empty")
    return name


def _of_track(event: Event) -> dict[str, str]:
    return typed(event.properties) | {"custom_event_name": event_name(event)}


def _of_view(event: Event) -> dict[str, str]:
    return {f"page_{name}": value for name, value in _viewed(event).items()}


def _of_group(event: Event) -> dict[str, str]:
    group = identifier(event.message.get("groupId"))
    return typed({"group": event.traits}) | ({"group_id": group} if group else {})


def _viewed(event: Event) -> Mapping[str, str]:
    page = part(event.context, "page")
    name = _first(event.message.get("name"), event.properties.get("name"))
    if event.type == "screen":
        return {"name": name} if name else {}
    viewed = {
        "url": _first(event.properties.get("url"), page.get("url")),
        "name": name,
        "path": _first(event.properties.get("path"), page.get("path")),
    }
    return {key: value for key, value in viewed.items() if value}


def _first(*values: Any) -> str:
    return next((value for value in values if isinstance(value, str) and value), "")


OF_TYPE: Final[Mapping[EventType, Callable[[Event], dict[str, str]]]] = {
    "track": _of_track,
    "page": _of_view,
    "screen": _of_view,
    "group": _of_group,
}
