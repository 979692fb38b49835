"""Nonsense of every kind, from vendors and from mappings: it costs its own event, and never reaches the loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from mappings import wigzo, wootric
from mappings.contract import (
    Delivered,
    Destination,
    Event,
    Limited,
    Merge,
    Quota,
    Refused,
    Rejected,
    Request,
    Response,
    Skipped,
    Transient,
    Unmappable,
    WrongSetup,
)
from mappings.wigzo.settings import Account as WigzoAccount
from mappings.wootric.settings import Account as WootricAccount
from tests.core.virtual import HOUR, MINUTE, PAGE, Vendor, Virtual
from tests.simulation.destination import DESTINATION, HOST, Account
from tests.simulation.destination import translate as good

BODIES = [
    b"",
    b"null",
    b"3",
    b"[]",
    b'"text"',
    b"{",
    b"\xff\xfe",
    b"{}" + b" " * 300_000,
    b"[" * 100_000,
    b'{"status": 3, "id": [], "error": {"a": 1}, "errors": 7, "access_token": {}, "eligible": "x", "properties": 1}',
    b'{"errors": [1, null, {"message": 3}], "id": -1.5, "email": {}, "properties": [1]}',
    PAGE.body,
    None,
]
HEADERS = [
    {},
    {
        "retry-after": "soon",
        "x-rate-limit-remaining": "many",
        "x-rate-limit-reset": "-1",
        "date": "\x00",
        "location": "http://elsewhere.example",
    },
    {"retry-after": "1e400", "x-rate-limit-remaining": "0", "x-rate-limit-reset": "99999999999999999999"},
    {"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT", "x-rate-limit-remaining": "-5", "x-rate-limit-reset": "NaN"},
]
STATUSES = [100, 199, 200, 201, 204, 299, 301, 304, 400, 401, 403, 404, 409, 422, 429, 451, 500, 503, 599, 600, 999]

REAL: dict[str, tuple[Destination[Any], object]] = {
    "wigzo": (wigzo.DESTINATION, WigzoAccount(org_token="t")),
    "wootric": (
        wootric.DESTINATION,
        WootricAccount(account_token="NPS-1", client_id="c", client_secret="s"),
    ),
    "wootric without a login": (wootric.DESTINATION, WootricAccount(account_token="NPS-1")),
}


def nonsense() -> Iterator[Response]:
    for body in BODIES:
        for status in STATUSES:
            for headers in HEADERS:
                yield Response(status, headers, body)


@pytest.mark.parametrize("vendor", REAL)
def test_whatever_a_vendor_answers_no_exception_comes_of_it_and_the_books_balance(vendor: str) -> None:
    destination, account = REAL[vendor]
    answers = nonsense()
    lane = Virtual(lambda arrival: next(answers, Response(200, {}, b"{}")), destination=destination, account=account)
    while next(answers, None):
        for user in range(3):
            lane.write(f"u{user}", type="identify", traits={"email": f"u{user}@example.com"})
            lane.write(f"u{user}", context={"traits": {"email": f"u{user}@example.com"}})
        lane.run(HOUR)
    assert 0 == lane.lane.standing().imbalance


# --- mappings


def bug(error: type[Exception] = KeyError) -> Any:
    raise error("u1@example.com")


def raises_at_once(event: Event, account: Account) -> Any:
    bug()


def raises_in_a_flow(event: Event, account: Account) -> Any:
    yield Request("GET", f"{HOST}/users/u", "look-up")
    bug()


def raises_a_stop(event: Event, account: Account) -> Any:
    yield Request("GET", f"{HOST}/users/u", "look-up")
    bug(StopIteration)


def yields_nonsense(event: Event, account: Account) -> Any:
    yield "a request"


def yields_nonsense_later(event: Event, account: Account) -> Any:
    yield Request("GET", f"{HOST}/users/u", "look-up")
    yield None


def returns_nonsense(event: Event, account: Account) -> Any:
    yield Request("GET", f"{HOST}/users/u", "look-up")
    return 200


def returns_a_tuple_of_the_wrong_length(event: Event, account: Account) -> Any:
    yield Request("GET", f"{HOST}/users/u", "look-up")
    return (Delivered(), Delivered())


def returns_a_tuple_of_rejections(event: Event, account: Account) -> Any:
    yield Request("GET", f"{HOST}/users/u", "look-up")
    return (Rejected("refused"),)


def is_no_generator(event: Event, account: Account) -> Any:
    return 3


def hands_on_what_the_vendor_said(event: Event, account: Account) -> Any:
    yield Request("GET", f"{HOST}/users/u", "look-up")
    return Rejected("refused", cast("str", {"message": ["no"]}))


def notes_what_the_vendor_said(event: Event, account: Account) -> Any:
    yield Request("GET", f"{HOST}/users/u", "look-up")
    return Delivered(cast("str", {"code": 3}))


def cannot_map_what_is_no_text(event: Event, account: Account) -> Any:
    raise Unmappable("no-user", cast("str", 3))


def never_ends(event: Event, account: Account) -> Any:
    while True:
        yield Request("GET", f"{HOST}/users/u", "look-up", cached_as="u")


BUGS = [
    never_ends,
    hands_on_what_the_vendor_said,
    notes_what_the_vendor_said,
    cannot_map_what_is_no_text,
    raises_at_once,
    raises_in_a_flow,
    raises_a_stop,
    yields_nonsense,
    yields_nonsense_later,
    returns_nonsense,
    returns_a_tuple_of_the_wrong_length,
    returns_a_tuple_of_rejections,
    is_no_generator,
]


def but_for(event_id: str, bad: Callable[[Event, Account], Any]) -> Callable[[Event, Account], Any]:
    return lambda event, account: bad(event, account) if event.id == event_id else good(event, account)


@pytest.mark.parametrize("bad", BUGS)
def test_a_bug_of_the_mapping_costs_its_own_event(bad: Callable[[Event, Account], Any]) -> None:
    lane = Virtual(destination=replace(DESTINATION, translate=but_for("e1", bad)))
    for _ in range(3):
        lane.write("u1")
    lane.finish()
    assert ({"e1": "bug"}, ["e2", "e3"]) == (lane.dead, lane.vendor.ids)
    detail = lane.buried[0].headers["relay-detail"]
    assert detail.isidentifier(), "the exception's type, and nothing of what it says"
    assert "bug in the mapping" in lane.notes


def test_a_flow_that_ends_before_its_first_request_is_skipped_and_one_that_cannot_be_sent_rejected() -> None:
    def translate(event: Event, account: Account) -> Any:
        if event.id == "e1":
            raise Unmappable("no-user", "neither userId nor anonymousId")
        if event.id == "e2":
            return Skipped("unsupported")
        yield Request("GET", f"{HOST}/users/u", "look-up")

    lane = Virtual(destination=replace(DESTINATION, translate=translate))
    lane.write("u1")
    lane.write("u1")
    lane.finish()
    assert {("dead-lettered", "no-user"): 1, ("skipped", "unsupported"): 1} == lane.settled
    assert "relay-status" not in lane.buried[0].headers


@pytest.mark.parametrize(
    "said",
    [
        bug,
        lambda answer: 3,
        lambda answer: "limited",
        lambda answer: Delivered(),
        lambda answer: Limited(wait=cast("float", "soon")),
        lambda answer: Refused("refused", cast("str", {"message": "no"})),
        lambda answer: WrongSetup(cast("str", ["no"])),
    ],
)
def test_a_meaning_that_is_none_leaves_the_answer_to_the_table(said: Callable[[Response], Any]) -> None:
    lane = Virtual(
        Vendor(lambda arrival: Response(400) if arrival.ids == ["e1"] else None),
        destination=replace(DESTINATION, meaning=said),
    )
    lane.write("u1")
    lane.write("u2")
    lane.finish()
    assert ({"e1": "refused"}, ["e2"]) == (lane.dead, lane.vendor.ids)


@pytest.mark.parametrize(
    "said",
    [
        bug,
        lambda answer: 3,
        lambda answer: Quota(cast("int", "many"), 0),
        lambda answer: Quota(cast("int", None), 0),
        lambda answer: Quota(5, cast("float", "soon")),
    ],
)
def test_a_quota_that_is_none_is_no_limit(said: Callable[[Response], Any]) -> None:
    lane = Virtual(destination=replace(DESTINATION, quota=said))
    for user in range(20):
        lane.write(f"u{user}")
    assert lane.finish() < 1.0


@pytest.mark.parametrize(
    "said", [Quota(0, float("nan")), Quota(0, float("inf")), Quota(0, -1.0), Limited(until=float("nan")), Limited()]
)
def test_a_limit_of_no_time_ends_all_the_same(said: Quota | Limited) -> None:
    once: Iterator[Any] = iter([said])
    word: dict[str, Any] = {
        "quota" if isinstance(said, Quota) else "meaning": lambda answer: next(once, None),
    }
    lane = Virtual(destination=replace(DESTINATION, **word))
    for _ in range(3):
        lane.write("u1")
    assert lane.finish(2 * HOUR) <= HOUR + MINUTE
    assert ["e1", "e2", "e3"] == sorted(set(lane.vendor.ids))


@pytest.mark.parametrize("after", [float("nan"), float("inf"), -1.0, 1e12])
def test_a_wish_to_wait_for_no_time_ends_all_the_same(after: float) -> None:
    once = iter([Transient(after)])
    lane = Virtual(destination=replace(DESTINATION, meaning=lambda answer: next(once, None)))
    lane.write()
    assert lane.finish(2 * HOUR) <= HOUR + MINUTE


def identifies(lane: Virtual) -> list[str]:
    return [lane.write("u1", type="identify", traits={f"n{n}": n}) for n in range(3)]


def test_a_question_about_merging_that_raises_merges_nothing() -> None:
    lane = Virtual(destination=replace(DESTINATION, merge=Merge(lambda *_: bug(), lambda *_: bug())))
    written = identifies(lane)
    lane.finish()
    assert (written, {}) == (lane.vendor.ids, lane.dead)
    assert "bug in the mapping" in lane.notes


def merges(flow: Callable[[Sequence[Event], Account], Any]) -> Destination[Account]:
    return replace(DESTINATION, merge=Merge(lambda *_: True, flow))


def short(events: Sequence[Event], account: Account) -> Any:
    yield Request("GET", f"{HOST}/users/u", "look-up")
    return (Delivered(),)


def no_merge(events: Sequence[Event], account: Account) -> Any:
    yield Request("GET", f"{HOST}/users/u", "look-up")
    return Skipped("one-by-one")


@pytest.mark.parametrize("flow", [short, no_merge, lambda *_: bug()])
def test_a_merge_that_is_not_delivered_is_sent_one_by_one(flow: Callable[[Sequence[Event], Account], Any]) -> None:
    lane = Virtual(destination=merges(flow))
    written = identifies(lane)
    lane.finish()
    assert (written, {("delivered", ""): 3}, {}) == (lane.vendor.ids, lane.settled, lane.dead)


def test_a_merge_that_had_written_before_it_was_taken_apart_may_have_repeated_its_events() -> None:
    def wrote(events: Sequence[Event], account: Account) -> Any:
        yield Request("POST", f"{HOST}/users/u", "write", json={"ids": [], "profile": {}})
        return Skipped("one-by-one")

    lane = Virtual(destination=merges(wrote))
    identifies(lane)
    lane.finish()
    assert {"merge taken apart": 3} == lane.lane.tally.possibly_repeated


def test_each_event_of_a_merge_has_its_own_note() -> None:
    def flow(events: Sequence[Event], account: Account) -> Any:
        yield Request("GET", f"{HOST}/users/u", "look-up")
        return tuple(Delivered(f"note-{number}") for number, _ in enumerate(events))

    lane = Virtual(destination=merges(flow))
    identifies(lane)
    lane.finish()
    assert {("delivered", f"note-{number}"): 1 for number in range(3)} == lane.settled
    assert 1 == lane.lane.tally.merged_events.count


def test_fifty_events_at_most_share_a_flow() -> None:
    lane = Virtual()
    for _ in range(120):
        lane.write("u1", type="identify", traits={"a": 1})
    lane.finish()
    assert [50, 50, 20] == [len(one.ids) for one in lane.vendor.arrivals if one.operation == "write"]


@pytest.mark.parametrize("error", [KeyError, StopIteration])
def test_a_login_that_raises_holds_and_is_tried_again(error: type[Exception]) -> None:
    broken = True

    def log_in(account: Account) -> Any:
        if broken and lane_began:
            raise error("no")
        return DESTINATION.login and DESTINATION.login(account)

    lane_began = False
    lane = Virtual(destination=replace(DESTINATION, login=log_in), account=Account(logs_in=True))
    lane_began = True
    lane.write()
    lane.run(10.0)
    assert "login" == lane.lane.standing().state
    broken = False
    lane.finish()
    assert (["e1"], {}) == (lane.vendor.ids, lane.dead)
