"""A stranger's mapping that does everything wrong that shows an event or a secret, one thing for each ``how``.

It is installed by :func:`install`, as a package of its own, into a folder for ``PYTHONPATH``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import copy
from typing import Any

from mappings.contract import Credentials, Destination, Event, Flow, Login, Merge, Request, Unmappable, setting

METADATA = "Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n"
ENTRY = "[segment_relay.destinations]\nstranger = stranger:DESTINATION\n"


@dataclass(frozen=True)
class Account:
    """``url`` is where the vendor is."""

    url: str = setting(help="where it is")
    how: str = setting(help="what is done wrong")
    token: str = setting(help="a secret", secret=True)

    def __post_init__(self) -> None:
        if self.how == "set-up":
            raise ValueError(f"this token is none: {self.token!r}")


def translate(event: Event, account: Account) -> Flow:
    said = f"{event.message} {account.token}"
    match account.how:
        case "unmappable":
            raise Unmappable("stranger", said)
        case "yields":
            yield said  # type: ignore[misc]
        case "address":
            yield Request("POST", f"{account.url}/500/{said}", operation="stranger")
        case "host":
            yield Request("POST", f"https://{event.user_id}.example/", operation="stranger")
        case "body":
            yield Request("POST", f"{account.url}/500", operation="stranger", json={"odd": {said}})
        case "header":
            yield Request("POST", f"{account.url}/500", operation="stranger", headers={"X-Odd": f"{said}\r\nX: y"})
        case "closes":
            try:
                yield Request("POST", f"{account.url}/500", operation="stranger", json={"said": said})
            finally:
                raise ValueError(said)
        case "login":
            yield Request("POST", f"{account.url}/400", operation="stranger", json={"said": said})
    _fail(said)
    return None


def _fail(said: str) -> None:
    try:
        dict[str, str]()[said]
    except KeyError as error:
        raise ValueError(said) from error


def together(events: Sequence[Event], following: Event, account: Account) -> bool:
    raise ValueError(f"{events} {following.message} {account.token}")


def merged(events: Sequence[Event], account: Account) -> Any:
    raise ValueError(f"{events} {account.token}")


def login(account: Account) -> Login | None:
    if account.how != "login":
        return None
    return _login(account)


def _login(account: Account) -> Login:
    answer = yield Request(
        "POST", f"{account.url}/400", operation="login", form=(("token", account.token),), login=False
    )
    if answer.ok:
        return Credentials({"Authorization": account.token})
    raise ValueError(f"{account.token} {answer.body!r}")


DESTINATION = Destination(
    name="Stranger",
    settings=Account,
    hosts=lambda account: frozenset({account.url}),
    translate=translate,
    reasons={"stranger": "what a stranger says"},
    login=login,
    merge=Merge(together, merged),
)


def install(folder: Path) -> Path:
    """The folder, for ``PYTHONPATH``."""
    info = folder / "stranger-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(METADATA)
    (info / "entry_points.txt").write_text(ENTRY)
    copy(__file__, folder / "stranger.py")
    return folder
