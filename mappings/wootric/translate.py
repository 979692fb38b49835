"""A Segment event → its conversation with Wootric: look-up, write, eligibility, and last what a person notices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from mappings.contract import Delivered, Event, EventType, Flow, Skipped
from mappings.wootric.actions import act
from mappings.wootric.eligibility import check, verdict
from mappings.wootric.end_users import ANONYMOUS, TO_COMPARE, create, find, find_first, update
from mappings.wootric.gains import gains
from mappings.wootric.profile import Profile, stated
from mappings.wootric.responses import answer, is_answer
from mappings.wootric.settings import Account


def translate(event: Event, account: Account) -> Flow:
    """The flow of one event."""
    if is_answer(event):
        return answer(event, account)
    return (WITH_CREDENTIALS if account.has_credentials else WITH_TOKEN_ALONE)[event.type](event, account)


def _upsert(event: Event, account: Account) -> Flow:
    """The end user by its external id, else by its e-mail, else by its phone.

    Only the first of them is looked up: of the others, Wootric says itself that they are taken when it is asked to
    create the end user. That saves each new user a request.
    """
    wanted = stated(event)
    if not wanted.names:
        return Skipped(ANONYMOUS)
    found = yield from find(wanted.names[0], account, TO_COMPARE)
    written = (yield from update(found, wanted, account)) if found else None
    if written is None and not wanted.is_reachable:
        return Skipped(ANONYMOUS)
    return Delivered((written or (yield from create(wanted, account))).note)


def _group(event: Event, account: Account) -> Flow:
    found = yield from find_first(stated(event).names, account)
    written = (yield from update(found, Profile(properties=gains(event)), account)) if found else None
    return Delivered(written.note) if written else Skipped(ANONYMOUS)


def _ask_about(event: Event, account: Account) -> Flow:
    """An identify where nothing can be written: the check carries what it says."""
    person = stated(event)
    return verdict((yield check(event, account, person, {}))) if person.is_reachable else Skipped(ANONYMOUS)


def _unsupported(event: Event, account: Account) -> Flow:  # noqa: ARG001  (a flow like the others)
    yield from ()
    return Skipped("unsupported")


Table = Mapping[EventType, Callable[[Event, Account], Flow]]
WITH_CREDENTIALS: Final[Table] = {
    "identify": _upsert,
    "track": act,
    "page": act,
    "screen": act,
    "group": _group,
    "alias": _unsupported,
}
WITH_TOKEN_ALONE: Final[Table] = {**WITH_CREDENTIALS, "identify": _ask_about, "group": _unsupported}
