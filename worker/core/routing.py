"""Is an event wanted at this destination? Decided once per event, before it is queued."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from mappings.contract import Event, Skipped
from worker.core.policy import Policy

# A producer who wrote one of these meant no. Sending against a wish cannot be undone; a filtered event is counted.
SAYS_NO: Final = frozenset({"", "0", "false", "no", "off"})
# Longer names are compared by their beginning: no list of patterns is worth a scan of a megabyte.
LONGEST_NAME: Final = 1024
TOO_OLD: Final = Skipped("too-old")


@dataclass(frozen=True, slots=True)
class Filtered:
    """Not meant for this destination: settled at once, never an error."""

    reason: str


NOT_INTEGRATED: Final = Filtered("integrations")
NO_CONSENT: Final = Filtered("consent")
WRONG_TYPE: Final = Filtered("type")
DENIED: Final = Filtered("event-denied")
NOT_ALLOWED: Final = Filtered("event-not-allowed")


class Routing:
    """One destination's wishes and the event's, held against each other."""

    __slots__ = ("_allowed", "_denied", "_has_patterns", "_lower", "_name", "_policy")

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._name = policy.integration
        self._lower = policy.integration.lower()
        self._allowed = tuple(map(Pattern, policy.events_allowed))
        self._denied = tuple(map(Pattern, policy.events_denied))
        self._has_patterns = bool(self._allowed or self._denied)

    def verdict(self, event: Event, now: float) -> Filtered | Skipped | None:
        """``None``: wanted. ``now`` in Unix seconds."""
        policy = self._policy
        integrations = event.message.get("integrations")
        if integrations and not self._is_integrated(integrations):
            return NOT_INTEGRATED
        if policy.consent_categories and not self._has_consent(event):
            return NO_CONSENT
        if policy.types and event.type not in policy.types:
            return WRONG_TYPE
        if self._has_patterns and (unwanted := self._by_name(event)) is not None:
            return unwanted
        if policy.max_age is not None and now - event.time > policy.max_age:
            return TOO_OLD
        return None

    def _is_integrated(self, integrations: object) -> bool:
        """The destination's own name decides, also in all-lower-case, else ``All``, else yes."""
        if not isinstance(integrations, Mapping):
            return True
        for name in (self._name, self._lower, "All", "all"):
            said = _yes_or_no(integrations.get(name))
            if said is not None:
                return said
        return True

    def _has_consent(self, event: Event) -> bool:
        preferences = _object(_object(event.context, "consent"), "categoryPreferences")
        said = [_yes_or_no(preferences.get(category)) for category in self._policy.consent_categories]
        return False not in said and not (self._policy.consent_required and None in said)

    def _by_name(self, event: Event) -> Filtered | None:
        """Patterns are for what has a name: a track's event, a page's or screen's ``name`` (empty where it has none).

        Identify, group and alias carry the person, not something that happened: they are chosen by ``types``.
        """
        match event.type:
            case "track":
                name = event.message["event"]
            case "page" | "screen":
                name = event.message.get("name")
            case _:
                return None
        name = name[:LONGEST_NAME] if isinstance(name, str) else ""
        if any(pattern.matches(name) for pattern in self._denied):
            return DENIED
        if self._allowed and not any(pattern.matches(name) for pattern in self._allowed):
            return NOT_ALLOWED
        return None


class Pattern:
    """A name in which ``*`` stands for any text. Case does not count. The cost is linear in the name's length."""

    __slots__ = ("_first", "_last", "_middle", "_whole")

    def __init__(self, pattern: str) -> None:
        self._first, *rest = pattern.casefold().split("*")
        self._whole = not rest
        self._last = rest[-1] if rest else ""
        self._middle = rest[:-1]

    def matches(self, name: str) -> bool:
        name = name.casefold()
        if self._whole:
            return name == self._first
        if not name.startswith(self._first):
            return False
        at = len(self._first)
        for part in self._middle:
            found = name.find(part, at)
            if found < 0:
                return False
            at = found + len(part)
        return name.endswith(self._last) and len(name) - len(self._last) >= at


def _yes_or_no(value: Any) -> bool | None:
    """``None`` where nothing is said. An object carries options, and so means yes (Segment's documentation)."""
    if value is None:
        return None
    if isinstance(value, str):
        return value.strip().lower() not in SAYS_NO
    return value is not False and value != 0


def _object(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = parent.get(name)
    return value if isinstance(value, Mapping) else {}
