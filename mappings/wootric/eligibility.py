"""Asking whether a person is to be surveyed, and for the survey by e-mail where the answer is yes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import urlencode

from mappings.contract import Delivered, Event, Request, Response
from mappings.fields import part, text, traits
from mappings.wootric import calls
from mappings.wootric.answers import refused
from mappings.wootric.gains import event_name, page_info
from mappings.wootric.profile import Pairs, Profile, bracketed
from mappings.wootric.settings import Account

ELIGIBLE: Final = "eligible"
NOT_ELIGIBLE: Final = "not-eligible"
# Servers refuse request lines of more than 8 KiB. Wootric knows its end users' properties itself, so what does not fit
# costs nothing but what only this event says; that comes first.
ROOM: Final = 6_000


def check(event: Event, account: Account, person: Profile, first: Mapping[str, str]) -> Request:
    """The eligibility check of ``event``. ``first``: which of the person's properties matter most."""
    query = (*_who(person), *_language(event, person), *_occasion(event), ("survey_immediately", "false"))
    ordered = sorted(person.properties.items(), key=lambda item: (item[0] not in first, item[0]))
    return calls.eligible(account, (*query, *_fitting(bracketed("properties", ordered))))


def verdict(answer: Response) -> Delivered:
    """The outcome of an eligibility check: yes or no as the note, the vendor's code as the detail."""
    if not answer.ok:
        raise refused(answer)
    said = answer.object()
    note = ELIGIBLE if said.get("eligible") is True else NOT_ELIGIBLE
    return Delivered(note, text(part(said, "details").get("code")) or "")


def email_survey(event: Event, account: Account, person: Profile) -> Request:
    """The survey by e-mail. Not "immediately": that would override the throttle which protects people."""
    code = language(event, person)
    return calls.email_survey(
        account,
        (
            ("emails[]", person.email or ""),
            ("survey_immediately", "false"),
            *bracketed("end_user[properties]", sorted(person.properties.items())),
            *((("survey_settings[language]", code),) if code else ()),
        ),
    )


def language(event: Event, person: Profile) -> str | None:
    """The language code, lower-cased: the event's own, else the end user's."""
    own = traits(event).get("language")
    said = own if isinstance(own, str) else person.properties.get("language", "")
    return said.strip().lower() or None


def _who(person: Profile) -> Iterator[tuple[str, str]]:
    fields = (
        ("email", person.email),
        ("external_id", person.external_id),
        ("phone_number", person.phone),
        ("end_user_created_at", person.created),
    )
    return ((name, str(value)) for name, value in fields if value is not None)


def _language(event: Event, person: Profile) -> Pairs:
    code = language(event, person)
    return (("language[code]", code),) if code else ()


def _occasion(event: Event) -> Pairs:
    match event.type:
        case "track":
            return (("event_name", event_name(event)),)
        case "page" | "screen":
            return page_info(event)
        case _:
            return ()


def _fitting(pairs: Pairs) -> Iterator[tuple[str, str]]:
    room = ROOM
    for pair in pairs:
        length = len(urlencode([pair], errors="replace")) + 1
        if length <= room:
            room -= length
            yield pair
