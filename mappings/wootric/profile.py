"""An end user, as Wootric knows it and as an event wants it; what changes between the two."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, assert_never

from mappings.contract import EMPTY, Event
from mappings.fields import created, email, phone, traits
from mappings.wootric.answers import Kind
from mappings.wootric.properties import of_traits, unix_seconds

Pairs = tuple[tuple[str, str], ...]
E164: Final = re.compile(r"\+[0-9]{5,15}")
SEPARATORS: Final = str.maketrans("", "", " \t\u00a0-./()")


@dataclass(frozen=True, slots=True)
class Name:
    """One of the names under which an end user can be looked up."""

    kind: Kind
    value: str = field(repr=False)

    @property
    def key(self) -> str:
        """Equal for the ways in which one name is written: case in addresses, blanks and hyphens in numbers."""
        match self.kind:
            case "external_id":
                return self.value
            case "email":
                return self.value.lower()
            case "phone":
                return "".join(filter(str.isalnum, self.value))
            case _:
                assert_never(self.kind)


@dataclass(frozen=True, slots=True)
class Profile:
    """What is said of an end user; ``None`` where nothing is. ``created`` is in Unix seconds."""

    external_id: str | None = field(default=None, repr=False)
    email: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    created: int | None = field(default=None, repr=False)
    properties: Mapping[str, str] = field(default_factory=lambda: EMPTY, repr=False)

    @property
    def names(self) -> tuple[Name, ...]:
        """Its names, in the order in which an end user is looked for."""
        said: tuple[tuple[Kind, str | None], ...] = (
            ("external_id", self.external_id),
            ("email", self.email),
            ("phone", self.phone),
        )
        return tuple(Name(kind, value) for kind, value in said if value is not None)

    @property
    def is_reachable(self) -> bool:
        """An end user needs an e-mail address or a phone number."""
        return self.email is not None or self.phone is not None

    def without(self, kind: Kind) -> Profile:
        """The rest, where one name cannot be had."""
        return self._renamed(kind, None)

    def named(self, name: Name) -> Profile:
        """With ``name`` where it has none of that kind: some answers leave out what was asked by."""
        is_named = any(known.kind == name.kind for known in self.names)
        return self if is_named else self._renamed(name.kind, name.value)

    def _renamed(self, kind: Kind, value: str | None) -> Profile:
        match kind:
            case "external_id":
                return replace(self, external_id=value)
            case "email":
                return replace(self, email=value)
            case "phone":
                return replace(self, phone=value)
            case _:
                assert_never(kind)

    def overlaid(self, wanted: Profile) -> Profile:
        """What it is once ``wanted`` is written: new over existing, but an external id only where there is none."""
        return Profile(
            external_id=self.external_id or wanted.external_id,
            email=_newer("email", self.email, wanted.email),
            phone=_newer("phone", self.phone, wanted.phone),
            created=self.created if wanted.created is None else wanted.created,
            properties={**self.properties, **wanted.properties} if wanted.properties else self.properties,
        )


def stated(event: Event) -> Profile:
    """What the event says of its person."""
    since = created(event)
    return Profile(
        external_id=event.user_id,
        email=email(event),
        phone=_international(phone(event)),
        created=None if since is None else unix_seconds(since),
        properties=of_traits(traits(event)),
    )


def _international(number: str | None) -> str | None:
    """``+1 (415) 555-0100`` as ``+14155550100``.

    Without the country's prefix it belongs to somebody else in the next country.
    """
    plain = number.translate(SEPARATORS) if number else ""
    return plain if E164.fullmatch(plain) else None


def changes(before: Profile, after: Profile) -> Pairs:
    """The form that turns ``before`` into ``after``.

    Properties go all or none: whether an update replaces or merges them is not documented, so the whole set is written.
    """
    fields = (
        ("email", before.email, after.email),
        ("phone_number", before.phone, after.phone),
        ("external_id", before.external_id, after.external_id),
        ("external_created_at", before.created, after.created),
    )
    pairs = tuple((name, str(new)) for name, old, new in fields if new is not None and new != old)
    return (
        pairs
        if before.properties == after.properties
        else pairs + bracketed("properties", sorted(after.properties.items()))
    )


def bracketed(name: str, pairs: Iterable[tuple[str, str]]) -> Pairs:
    """``name[key]=value``."""
    return tuple((f"{name}[{key}]", value) for key, value in pairs)


def _newer(kind: Kind, old: str | None, new: str | None) -> str | None:
    if old is None or new is None:
        return new if old is None else old
    return old if Name(kind, old).key == Name(kind, new).key else new
