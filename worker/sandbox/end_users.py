"""Wootric's end users: numbered, and found by three names that nobody shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final, Literal

Properties = Literal["replace", "merge"]
_UNIQUE: Final = {"email": "Email", "external_id": "External id", "phone_number": "Phone number"}


@dataclass(slots=True)
class EndUser:
    """One end user. Times are Unix seconds; ``properties`` are text, as forms carry nothing else."""

    id: int
    created_at: float
    updated_at: float
    email: str | None = None
    phone_number: str | None = None
    external_id: str | None = None
    external_created_at: int | None = None
    last_surveyed: float | None = None
    properties: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> frozenset[str]:
        return frozenset(filter(None, (self.external_id, self.email, self.phone_number)))

    def lasting(self) -> dict[str, Any]:
        """What was said of it, without when."""
        return {
            "id": self.id,
            "email": self.email,
            "phone_number": self.phone_number,
            "external_id": self.external_id,
            "external_created_at": self.external_created_at,
            "properties": dict(self.properties),
        }

    def body(self) -> dict[str, Any]:
        """As the vendor answers it."""
        return self.lasting() | {
            "created_at": written(self.created_at),
            "updated_at": written(self.updated_at),
            "last_surveyed": written(self.last_surveyed) if self.last_surveyed is not None else None,
            "page_views_count": 0,
        }


def written(moment: float) -> str:
    """A time as Wootric writes it."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S +0000")


class EndUsers:
    """All of them. E-mail addresses are one whatever their case, and stay written as they were given."""

    def __init__(self) -> None:
        self.by_id: dict[int, EndUser] = {}
        self._by_name: dict[tuple[str, str], EndUser] = {}
        self._ids = count(1_000_001)

    def find(self, kind: str, name: str) -> EndUser | None:
        """By ``external_id``, ``email``, ``phone_number`` or ``id``."""
        if kind == "id":
            return self.by_id.get(int(name)) if name.isascii() and name.isdigit() else None
        return self._by_name.get(_key(kind, name))

    def taken(self, said: Mapping[str, Any], but: EndUser | None = None) -> list[str]:
        """Which of these names another end user has, in the vendor's words."""
        return [
            f"{label} has already been taken"
            for kind, label in _UNIQUE.items()
            if kind in said and self._by_name.get(_key(kind, said[kind]), but) is not but
        ]

    def create(self, said: Mapping[str, Any], now: float) -> EndUser:
        user = EndUser(next(self._ids), now, now)
        self.by_id[user.id] = user
        self.update(user, said, now, "replace")
        return user

    def update(self, user: EndUser, said: Mapping[str, Any], now: float, properties: Properties) -> None:
        for kind in _UNIQUE.keys() & said.keys():
            self._rename(user, kind, said[kind])
        if "external_created_at" in said:
            user.external_created_at = int(said["external_created_at"])
        if "properties" in said:
            kept = user.properties if properties == "merge" else {}
            user.properties = {**kept, **said["properties"]}
        user.updated_at = now

    def _rename(self, user: EndUser, kind: str, name: str) -> None:
        former = getattr(user, kind)
        if former is not None:
            del self._by_name[_key(kind, former)]
        setattr(user, kind, name)
        self._by_name[_key(kind, name)] = user


def _key(kind: str, name: str) -> tuple[str, str]:
    return kind, name.lower() if kind == "email" else name
