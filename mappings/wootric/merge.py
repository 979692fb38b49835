"""Consecutive events of one user in one flow: one look-up and one write, each event's own eligibility check.

What the singles would have left at Wootric is left by the merge, too. Where that is not certain before the write, or
where the write is refused, the merge gives up, and the events are sent one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from mappings.contract import Delivered, Event, Merge, MergedFlow, Response, Skipped
from mappings.wootric import calls
from mappings.wootric.actions import ask
from mappings.wootric.end_users import NOBODY, UNCHANGED, EndUser, Steps, Written, find, write
from mappings.wootric.gains import gains
from mappings.wootric.profile import Name, Profile, changes, stated
from mappings.wootric.responses import is_answer
from mappings.wootric.settings import Account

ONE_BY_ONE: Final = Skipped("one-by-one")


def together(events: Sequence[Event], following: Event, account: Account) -> bool:
    """May ``following`` share a flow with ``events``? They are one user's, and all of them write."""
    return (
        account.has_credentials
        and not account.email_survey_on_eligible
        and following.user_id is not None
        and following.user_id == events[0].user_id
        and _writes(events[0], account)
        and _writes(following, account)
    )


def translate(events: Sequence[Event], account: Account) -> MergedFlow:
    """The flow of two events or more."""
    found = yield from find(Name("external_id", events[0].user_id or ""), account)
    steps = tuple(_steps(events, found.profile if found else None))
    if len(steps) < len(events) or _renamed_twice(steps):
        return ONE_BY_ONE
    answer = yield from _write(found, steps[-1].profile, account)
    if answer is not None and not answer.ok:
        return ONE_BY_ONE
    outcomes: list[Delivered] = []
    for event, step in zip(events, steps, strict=True):
        asks = _acts(event) and account.does("eligibility")
        outcomes.append((yield from ask(event, account, step.profile)) if asks else Delivered(step.note))
    return tuple(outcomes)


def _steps(events: Sequence[Event], known: Profile | None) -> Iterator[Written]:
    """The end user as it would be after each event; it ends early where an event would be skipped on its own."""
    for event in events:
        wanted = stated(event) if event.type == "identify" else Profile(properties=gains(event))
        if known is None:
            if not wanted.is_reachable:
                return
            step = Written(wanted)
        else:
            if _acts(event) and not (stated(event).email or known.email):
                return
            after = known.overlaid(wanted)
            step = Written(after, "" if changes(known, after) else UNCHANGED)
        known = step.profile
        yield step


def _renamed_twice(steps: Sequence[Written]) -> bool:
    """Does an address come and go? Somebody else may have it, and the singles would have found that out."""
    last = steps[-1].profile.names
    return any(name not in last for step in steps for name in step.profile.names)


def _write(found: EndUser | None, after: Profile, account: Account) -> Steps[Response | None]:
    if found is None:
        return (yield calls.create(account, changes(NOBODY, after), after.names))
    return (yield write(found, after, account)) if changes(found.profile, after) else None


def _acts(event: Event) -> bool:
    return event.type in ("track", "page", "screen")


def _writes(event: Event, account: Account) -> bool:
    if _acts(event):
        return account.does("properties") and not is_answer(event)
    return event.type in ("identify", "group")


MERGE: Final = Merge(together, translate)
