"""No ``repr`` shows an event or a secret: an assertion, a debugger or a careless log line may print any value."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import re
from collections.abc import Iterator
from typing import Any

import mappings
import worker

# What may hold something of a person or of the set-up, by its type or by its name.
TYPES = re.compile(r"bytes|Any\b|\bobject\b|Record\b")
NAMES = re.compile(
    r"token|password|secret|proxy|user|email|phone|detail|text|body|form|query|url|value|message|raw|said|properties"
)
STAND_INS = "worker.sandbox"  # they hold what a test or a demo made up

# What looks like it and is not, and why.
HARMLESS = {
    "a mapping, its functions, or a declaration": {
        "Delivery.destination",
        "DestinationSettings.destination",
        "Setting.annotation",
        "Setting.default",
        "Setting.secret",
        "Turns.destination",
        "Account.destination",
    },
    "a mapping's settings: their secrets are hidden in turn": {
        "Account.api_url",
        "Account.base_url",
        "Account.eligibility_url",
        "Account.email_survey_on_eligible",
        "Account.user_id_format",
        "DestinationSettings.mapping_settings",
        "SecretFiles._account",
        "Turns.settings",
    },
    "no secret": {"Connection.sasl_username", "TopicFacts.max_message_bytes"},
    "numbers": {
        "Assigned.topic_id",
        "Found.of_topic",
        "Metadata.topic_id",
        "OffsetMap.partly",
        "Plan.without_value",
        "Letter.has_value",
    },
    "the message's id may be told": {"Letter.message_id", "Selection.message_id"},
    "the worker's own words about a field or a connection": {"Fault.detail", "Malformed.detail", "NoEvent.detail"},
    "a user, who hides": {"_First.user"},
    "how many users": {"Policy.ready_users"},
    "what a run of the demo left at its stand-ins": {"Expected.state"},
}


def _classes() -> Iterator[type[Any]]:
    for root in (mappings, worker):
        for module in pkgutil.walk_packages(root.__path__, f"{root.__name__}."):
            if not module.name.startswith(STAND_INS) and not module.name.endswith("__main__"):
                named = vars(importlib.import_module(module.name)).values()
                yield from (one for one in named if isinstance(one, type) and one.__module__ == module.name)


def _shown(one: type[Any]) -> Iterator[tuple[str, str]]:
    """The fields that a ``repr`` shows, and their types."""
    if dataclasses.is_dataclass(one) and one.__repr__ is not object.__repr__:
        yield from ((each.name, str(each.type)) for each in dataclasses.fields(one) if each.repr)
    elif issubclass(one, tuple):
        yield from ((name, str(of)) for name, of in getattr(one, "__annotations__", {}).items())


def test_what_may_hold_an_event_or_a_secret_is_not_in_a_repr() -> None:
    found = {
        f"{one.__name__}.{name}"
        for one in _classes()
        for name, of in _shown(one)
        if (TYPES.search(of) or NAMES.search(name)) and not of.startswith("Callable[")
    }
    known = {name for names in HARMLESS.values() for name in names}
    assert known == found
