"""Wootric (InMoment): survey feedback. End users and their properties, eligibility checks, responses and declines.

The API was read from the vendor's documentation (docs.wootric.com/api), its mobile SDKs and its Segment kits; what
traits and properties mean there is what Segment's page about the Wootric destination says.
"""

from __future__ import annotations

from typing import Final

from mappings.contract import Destination
from mappings.wootric.answers import meaning, quota
from mappings.wootric.login import check, login
from mappings.wootric.merge import MERGE
from mappings.wootric.settings import Account, hosts
from mappings.wootric.translate import translate

__all__ = ["DESTINATION"]

REASONS: Final = {
    # Notes of what was delivered.
    "unchanged": "the end user was like that already: nothing was sent",
    "name-taken": "written without the e-mail address, phone number or external id that belongs to another end user",
    "eligible": "the person is to be surveyed; the detail has Wootric's code",
    "not-eligible": "the person is not to be surveyed; the detail has Wootric's code",
    # Why nothing was sent.
    "unsupported": "Wootric has no counterpart of this kind of event (alias; group without client_id)",
    "anonymous": "nobody whom Wootric could ask: no e-mail or phone, and no such end user; identify comes first",
    "unchecked": "an account token alone cannot be tried without effect: it is seen at the first event",
    "one-by-one": "events that were to share a write are sent one by one (never an outcome)",
    # Why it never can be.
    "no-event": "a track without the name of its event",
    "no-score": "a response whose feedbackScore (or score) is no integer from 0 to 10",
    "incomplete-response": "a response without the IP address or the URL that Wootric needs; the detail says which",
    "needs-credentials": "a response or decline, but client_id and client_secret are not set",
    "unknown-end-user": "a response or decline of a person who was never identified",
    "unreadable": "Wootric answered with an end user that has no id",
    "refused": "Wootric refused it; the detail has its message",
}

DESTINATION: Final = Destination(
    name="Wootric",
    settings=Account,
    hosts=hosts,
    translate=translate,
    reasons=REASONS,
    login=login,
    check=check,
    meaning=meaning,
    quota=quota,
    merge=MERGE,
)
