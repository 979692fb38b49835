"""What the sandbox recorded, as the judge wants it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.torture.evidence import came, failures, letters, logged, overlaps
from tests.torture.judge import Came, Logged
from tests.whole.events import a_track, an_identify


@dataclass(frozen=True, slots=True)
class Record:
    key: bytes | None
    value: bytes | None
    partition: int = 0
    offset: int = 7
    headers: list[tuple[str, bytes]] = field(default_factory=list)


def an_arrival(**fields: Any) -> dict[str, Any]:
    usual = {"destination": "wigzo", "operation": "learn/event", "user": "u1", "time": 5.0, "status": 200, "fault": ""}
    return {
        **usual,
        "accepted": True,
        "lasted": 0.1,
        "overlap": 0,
        "path": "/",
        "body": {"eventval": {"number": 3}},
        **fields,
    }


def a_check(**fields: Any) -> dict[str, Any]:
    return an_arrival(destination="wootric", operation="eligible", body={"event_name": "Numbered 3"}, **fields)


def test_only_numbered_events_and_what_is_no_event_are_of_interest_in_a_log() -> None:
    cut = Record(b"u1", b'{"type": "track", "userId": "u1', offset=9)
    found = logged([Record(*an_identify("u1")), Record(*a_track("u1", 3), offset=8), cut])
    assert [Logged("u1", 3, (0, 8)), Logged("u1", None, (0, 9))] == list(found)


def test_a_dead_letter_tells_where_it_came_from() -> None:
    assert {(2, 41)} == letters([Record(None, None, headers=[("relay-origin", b"events/2/41/0")])])


def test_what_a_vendor_accepted_or_refused_for_good_is_settled() -> None:
    refused = an_arrival(accepted=False, status=422)
    failed = an_arrival(accepted=False, status=500)
    assert [Came("u1", 3, 5.0)] * 2 == list(came([an_arrival(), refused, failed, a_check()], "wigzo"))
    assert [Came("u1", 3, 5.0)] == list(came([an_arrival(), a_check()], "wootric"))


@pytest.mark.parametrize(
    "unheard", [{"fault": "reset"}, {"fault": "nonsense"}, {"status": None}, {"lasted": None}, {"lasted": 1.9}]
)
def test_what_was_answered_late_wrongly_or_not_at_all_was_not_heard(unheard: dict[str, Any]) -> None:
    assert [Came("u1", 3, 5.0, lost=True)] == list(came([an_arrival(**unheard)], "wigzo"))


def test_failures_are_told_where_events_share_a_flow() -> None:
    calls = [an_arrival(accepted=False), a_check(), a_check(accepted=False), a_check(fault="reset", time=6.0)]
    assert ([], [("u1", 5.0), ("u1", 6.0)]) == (list(failures(calls, "wigzo")), list(failures(calls, "wootric")))


def test_two_calls_of_a_user_overlap_where_the_first_is_waited_for_still() -> None:
    second = an_arrival(time=5.5, overlap=1, body={"eventval": {"number": 4}})
    assert [("u1", 5.5)] == list(overlaps([an_arrival(lasted=0.6), second], "wigzo"))
    over = (an_arrival(lasted=None), an_arrival(lasted=2.1), an_arrival(lasted=0.4), a_check(lasted=0.6))
    for first in over:
        assert [] == list(overlaps([first, second], "wigzo"))


def test_a_request_that_was_given_up_may_come_beside_what_follows_it() -> None:
    given_up, again = an_arrival(lasted=0.9), an_arrival(time=5.2, lasted=0.1)
    following = an_arrival(time=5.5, overlap=1, lasted=0.4, body={"eventval": {"number": 4}})
    assert [] == list(overlaps([given_up, again, following], "wigzo"))
    late = an_arrival(time=5.6, overlap=1)
    assert [] == list(overlaps([again, following, late], "wigzo"))
