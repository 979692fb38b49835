"""What people do (track, page, screen).

Their end user gains properties, and Wootric is asked whether to survey them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mappings.contract import Delivered, Event, Flow, Skipped
from mappings.wootric.answers import refused
from mappings.wootric.eligibility import ELIGIBLE, check, email_survey, verdict
from mappings.wootric.end_users import ANONYMOUS, NOBODY, Steps, find_first, update
from mappings.wootric.gains import gains
from mappings.wootric.profile import Name, Profile, stated
from mappings.wootric.settings import Account


def act(event: Event, account: Account) -> Flow:
    """The flow of one track, page or screen."""
    said, gained = stated(event), gains(event)
    found = (yield from find_first(_looked_up(said, account), account)) if account.has_credentials else None
    if _address(said, found.profile if found else None) is None:
        return Skipped(ANONYMOUS)
    wanted = Profile(properties=gained) if account.does("properties") else NOBODY
    written = (yield from update(found, wanted, account)) if found else None
    if not account.does("eligibility"):
        return Delivered(written.note) if written else Skipped(ANONYMOUS)
    known = written.profile if written else None
    if _address(said, known) is None:  # the address was the end user's, which was deleted since
        return Skipped(ANONYMOUS)
    return (yield from ask(event, account, known))


def ask(event: Event, account: Account, known: Profile | None) -> Steps[Delivered]:
    """The eligibility check, and the survey e-mail where both sides want it.

    ``known`` is the end user as it is by then, where there is one.
    """
    gained = gains(event)
    person = _seen(stated(event), known, gained)
    outcome = verdict((yield check(event, account, person, gained)))
    if outcome.note == ELIGIBLE and account.email_survey_on_eligible:
        answer = yield email_survey(event, account, person)
        if not answer.ok:
            raise refused(answer)
    return outcome


def _looked_up(said: Profile, account: Account) -> tuple[Name, ...]:
    """Who is looked for: nobody, where the event has the address and nothing is to be written."""
    if said.email is not None and not account.does("properties"):
        return ()
    return tuple(name for name in said.names if name.kind != "phone")


def _address(said: Profile, known: Profile | None) -> str | None:
    return said.email or (known.email if known else None)


def _seen(said: Profile, known: Profile | None, gained: Mapping[str, str]) -> Profile:
    """The person as the check shows it: what the event says goes first, but properties are the end user's."""
    if known is None:
        return replace(said, properties={**said.properties, **gained})
    return Profile(
        external_id=said.external_id or known.external_id,
        email=_address(said, known),
        phone=said.phone or known.phone,
        created=known.created if said.created is None else said.created,
        properties={**known.properties, **gained},
    )
