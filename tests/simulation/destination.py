"""A destination for simulations: every kind of request that the core tells apart, in the fewest operations.

``track`` is one write; ``identify`` is look-up, merge, write, as the careful mappings do it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mappings.contract import (
    Credentials,
    Destination,
    Event,
    Flow,
    Login,
    Merge,
    MergedFlow,
    Request,
    Skipped,
    setting,
)

HOST = "https://vendor.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """``secret`` is what the vendor expects, or not."""

    secret: str = setting("right", help="The secret.", secret=True)
    logs_in: bool = setting(default=False, help="Whether requests need a login.")


def translate(event: Event, account: Account) -> Flow:
    if event.type == "identify":
        return (yield from _identify((event,), account))
    if event.properties.get("nothing"):
        return Skipped("nothing-to-send")
    yield _write("track", event.key, {"ids": [event.id], "secret": account.secret})
    return None


def _identify(events: Sequence[Event], account: Account) -> Flow:
    key = events[0].key
    found = yield Request("GET", f"{HOST}/users/{key}", "look-up", promises_object=True, cached_as=f"user:{key}")
    if not found.ok:
        return None
    profile = dict(found.object().get("profile", {}))
    for event in events:
        profile |= event.traits
    body = {"ids": [event.id for event in events], "profile": profile, "secret": account.secret}
    yield _write("write", key, body, invalidates=(f"user:{key}",))
    return None


def _write(operation: str, key: str, body: Mapping[str, object], invalidates: tuple[str, ...] = ()) -> Request:
    return Request(
        "POST", f"{HOST}/users/{key}", operation, json=body, invalidates=invalidates, promises_object=bool(invalidates)
    )


def log_in(account: Account) -> Login | None:
    return _log_in(account) if account.logs_in else None


def _log_in(account: Account) -> Login:
    answer = yield Request(
        "POST", f"{HOST}/login", "login", json={"secret": account.secret}, login=False, promises_object=True
    )
    if not answer.ok:
        return None
    return Credentials({"authorization": str(answer.object()["token"])}, lifetime=300.0)


def together(events: Sequence[Event], following: Event, account: Account) -> bool:
    return all(event.type == "identify" for event in (*events, following))


def merged(events: Sequence[Event], account: Account) -> MergedFlow:
    return (yield from _identify(events, account))


DESTINATION = Destination(
    name="Model",
    settings=Account,
    hosts=lambda account: frozenset({HOST}),
    translate=translate,
    reasons={},
    login=log_in,
    merge=Merge(together, merged),
)
