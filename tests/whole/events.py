"""The events of the tests' data, as records."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

DATA = Path(__file__).parents[1] / "data"
USERS = tuple(f"u{number}@mail.example" for number in range(30))
EACH = 5
Record = tuple[bytes | None, bytes | None]
LIBRARIES = {
    "python": "segment-analytics-python-2.4.0",
    "node": "segment-analytics-node-3.1.0",
    "browser": "segment-analytics-next-1.84.3",
    "java": "segment-analytics-java-3.5.4",
}


def script(library: str) -> list[bytes]:
    """The script of 30 shoppers as one library sent it, message by message."""
    return (DATA / "sdk" / f"{LIBRARIES[library]}.jsonl").read_bytes().splitlines()


def stream() -> list[bytes]:
    return gzip.decompress((DATA / "stream.jsonl.gz").read_bytes()).splitlines()


def envelopes() -> list[bytes]:
    return (DATA / "envelopes.jsonl").read_bytes().splitlines()


def malformed() -> list[tuple[str, bytes]]:
    """Tag and bytes of each."""
    lines = (DATA / "malformed.jsonl.txt").read_text().splitlines()
    return [(tag, base64.b64decode(text)) for tag, _, text in (line.partition("\t") for line in lines)]


def by_user(messages: Iterable[bytes]) -> Iterator[Record]:
    """Each message under its user, as a producer that wants order would write it."""
    for message in messages:
        yield user_of(orjson.loads(message)).encode(), message


def user_of(message: dict[str, Any]) -> str:
    """Whose it is: the user's id, else the anonymous one."""
    return str(message.get("userId") or message.get("anonymousId"))


def a_track(user: str, number: int, *, name: str = "Numbered", **fields: object) -> Record:
    """One numbered event of a user."""
    message = {
        "type": "track",
        "event": name,
        "messageId": f"{user}-{number}",
        "userId": user,
        "timestamp": "2026-02-09T10:11:12.131Z",
        "properties": {"number": number},
        **fields,
    }
    return user.encode(), orjson.dumps(message)


def an_identify(user: str, **fields: object) -> Record:
    """One person, with an e-mail address."""
    message = {
        "type": "identify",
        "messageId": f"{user}-identify",
        "userId": user,
        "timestamp": "2026-02-09T10:11:12.131Z",
        "traits": {"email": f"{user}@mail.example"},
        **fields,
    }
    return user.encode(), orjson.dumps(message)


def a_crowd(users: Sequence[str] = USERS, each: int = EACH) -> list[Record]:
    """Who each user is, and then all users' numbered events in turn."""
    numbered = [a_track(user, number, name=f"Numbered {number}") for number in range(each) for user in users]
    return [*(an_identify(user, traits={"email": user}) for user in users), *numbered]
