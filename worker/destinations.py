"""Mappings are found by entry point: ours through the same door as a stranger's."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from mappings.contract import Destination

GROUP = "segment_relay.destinations"


class UnknownMapping(LookupError):  # noqa: N818  (reads as what it is)
    """No installed package has a mapping of this name, or the one that has cannot be loaded. The text says which."""


def installed() -> Mapping[str, EntryPoint]:
    """Every mapping that is installed, by name."""
    return {entry.name: entry for entry in sorted(entry_points(group=GROUP))}


def load(name: str, among: Mapping[str, EntryPoint] | None = None) -> Destination[Any]:
    """The mapping of this name, of those installed. Raises :class:`UnknownMapping`."""
    entries = installed() if among is None else among
    entry = entries.get(name)
    if entry is None:
        raise UnknownMapping(f"installed are {', '.join(entries) or 'none'}")
    try:
        found = entry.load()
    except Exception as error:  # a stranger's module may raise anything while it is imported
        raise UnknownMapping(f"{entry.value} is installed but broken: {type(error).__name__}: {error}") from error
    if not isinstance(found, Destination):
        raise UnknownMapping(f"{entry.value} is installed but broken: it is not a Destination")
    return found
