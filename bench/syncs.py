"""What an audience tool sends: one identify a user, whether or not anything has changed since the last sync."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Final

import orjson

TENTH: Final = 10


class State(Enum):
    """Of the audience."""

    BEFORE = "before"
    AFTER = "after"  # a tenth of the users bought something


# What it is, what is sent, and the most requests that a user of it may cost on average.
SYNCS: Final = (
    ("first sync", State.BEFORE, 2.0),
    ("the same again", State.BEFORE, 0.0),
    ("a tenth changed", State.AFTER, 1 / TENTH),
)


def identifies(users: int, state: State) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values, some 420 bytes each: a dozen traits of a person."""
    for user in range(users):
        yield f"user-{user:07}".encode(), orjson.dumps(_identify(user, state))


def _identify(user: int, state: State) -> dict[str, object]:
    name = f"user-{user:07}"
    orders = user % 40 + (state is State.AFTER and user % TENTH == 0)
    return {
        "type": "identify",
        "messageId": f"{state.value}-{name}",
        "userId": name,
        "timestamp": "2026-11-23T00:00:00.000Z",
        "traits": {
            "email": f"{name}@mail.example",
            "createdAt": f"2025-0{user % 9 + 1}-1{user % 10}T10:00:00Z",
            "firstName": ("Ada", "Bo", "Cleo", "Dag")[user % 4],
            "city": ("Lund", "Porto", "Ghent")[user % 3],
            "plan": ("free", "pro", "team")[user % 3],
            "orders": orders,
            "lifetime_value": f"{orders * 17}.{user % 100:02}",
            "audience_frequent_buyers": orders > 10,
        },
    }
