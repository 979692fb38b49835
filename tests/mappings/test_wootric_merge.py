"""Merging: what the singles would have left at Wootric is left by one flow, with one look-up and one write."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.contract import Delivered, Event, Request, Response, Skipped
from mappings.wootric import DESTINATION
from mappings.wootric.merge import MERGE
from mappings.wootric.settings import Account
from tests.builders import an_event
from tests.mappings.wootric_model import Wootric, Worker, may_merge

ACCOUNT = Account(account_token="NPS-5a4db0c1", client_id="client", client_secret="secret")
TOKEN_ALONE = Account(account_token="NPS-5a4db0c1")


def a_worker(vendor: Wootric | None = None, account: Account = ACCOUNT) -> Worker[Wootric]:
    return Worker(vendor or Wootric(replaces=True), account)


def operations(worker: Worker[Wootric]) -> list[str]:
    return [request.operation for request in worker.sent]


def known(**fields: Any) -> Wootric:
    vendor = Wootric(replaces=True)
    vendor.add(**{"external_id": "u1", "email": "u1@example.com", **fields})
    return vendor


IDENTIFY = an_event("identify", traits={"email": "u1@example.com", "plan": "pro"})
TRACK = an_event("track", event="Order Completed", properties={"total": 25})
PAGE = an_event("page", name="Cart")
GROUP = an_event("group", groupId="g1", traits={"name": "Kiln"})


# --- How many requests


def test_a_new_user_costs_two_requests_a_changed_one_one_and_an_unchanged_one_none() -> None:
    worker = a_worker()
    counts = []
    for traits in ({"email": "a@example.com"}, {"plan": "pro"}, {"plan": "pro"}, {"email": "a@example.com"}):
        before = len(worker.sent)
        worker.singly([an_event("identify", traits=traits)])
        counts.append(len(worker.sent) - before)
    assert [2, 1, 0, 0] == counts


def test_a_known_user_s_repeated_track_costs_one_check() -> None:
    worker = a_worker(known())
    worker.singly([TRACK, TRACK])
    assert ["end-users/look-up", "end-users/update", "eligible", "eligible"] == operations(worker)


def test_a_merge_looks_up_once_writes_once_and_checks_each_event() -> None:
    worker = a_worker(known())
    outcomes = worker.merged([IDENTIFY, TRACK, PAGE, GROUP])
    assert ["end-users/look-up", "end-users/update", "eligible", "eligible"] == operations(worker)
    assert [Delivered(), Delivered("not-eligible", "c"), Delivered("eligible", "c"), Delivered()] == outcomes


def test_a_new_user_s_events_are_created_in_one_write() -> None:
    worker = a_worker()
    worker.merged([IDENTIFY, TRACK, TRACK])
    assert ["end-users/look-up", "end-users/create", "eligible", "eligible"] == operations(worker)


def test_a_merge_that_changes_nothing_writes_nothing() -> None:
    worker = a_worker(known(properties={"plan": "pro"}))
    assert [Delivered("unchanged")] * 2 == worker.merged([IDENTIFY, IDENTIFY])
    assert ["end-users/look-up"] == operations(worker)


def test_each_check_shows_the_end_user_as_it_was_at_that_event() -> None:
    worker = a_worker(known())
    worker.merged([TRACK, an_event("identify", traits={"plan": "pro"}), an_event("track", event="Two")])
    shown = [[name for name, _ in check if name.startswith("properties")] for check in worker.vendor.checks]
    first = ["properties[custom_event_name]", "properties[total]"]
    assert [first, ["properties[custom_event_name]", "properties[plan]", "properties[total]"]] == shown


def test_a_property_that_a_later_event_sets_to_null_keeps_the_earlier_value() -> None:
    worker = a_worker(known())
    worker.merged([an_event("identify", traits={"plan": "pro"}), an_event("identify", traits={"plan": None, "x": 1})])
    assert {"plan": "pro", "x": "1"} == worker.vendor.end_users[1]["properties"]


# --- What may be merged


def test_events_of_one_user_that_write_may_be_merged() -> None:
    assert may_merge([IDENTIFY, TRACK, PAGE, an_event("screen"), GROUP], ACCOUNT)


def test_an_account_without_credentials_has_nothing_to_share() -> None:
    assert not may_merge([IDENTIFY, IDENTIFY], TOKEN_ALONE)


def test_nothing_is_merged_where_a_survey_may_be_e_mailed() -> None:
    account = Account("NPS-5a4db0c1", "client", "secret", email_survey_on_eligible=True)
    assert not may_merge([IDENTIFY, IDENTIFY], account)


def test_events_of_two_users_or_of_nobody_are_not_merged() -> None:
    nobody = an_event("identify", user_id=None, traits={"email": "a@example.com"})
    assert not may_merge([IDENTIFY, an_event("identify", user_id="u2")], ACCOUNT)
    assert not may_merge([nobody, nobody], ACCOUNT)


def test_responses_declines_and_aliases_are_not_merged() -> None:
    for kind in ("create response", "Create Decline"):
        answer = an_event("track", options={"eventType": kind})
        assert not may_merge([IDENTIFY, answer], ACCOUNT)
        assert not may_merge([answer, IDENTIFY], ACCOUNT)
    assert not may_merge([IDENTIFY, an_event("alias")], ACCOUNT)


def test_actions_that_write_nothing_are_not_merged() -> None:
    account = Account("NPS-5a4db0c1", "client", "secret", actions=frozenset({"eligibility"}))
    assert not may_merge([IDENTIFY, TRACK], account)
    assert may_merge([IDENTIFY, GROUP], account)


# --- When a merge gives up


def merged_against(events: list[Event], *answers: Response) -> object:
    flow = MERGE.translate(events, ACCOUNT)
    next(flow)
    try:
        for answer in answers:
            flow.send(answer)
    except StopIteration as end:
        return end.value
    return None


NOT_FOUND = Response(404)
FOUND = Response(200, body=b'{"id": 7, "email": "u1@example.com", "external_id": "u1", "properties": {}}')


def test_a_write_that_is_refused_sends_the_events_one_by_one() -> None:
    assert Skipped("one-by-one") == merged_against([IDENTIFY, TRACK], FOUND, Response(404))
    assert Skipped("one-by-one") == merged_against([IDENTIFY, TRACK], NOT_FOUND, Response(422))


def test_an_event_that_would_be_skipped_is_sent_on_its_own() -> None:
    no_address = Response(200, body=b'{"id": 7, "external_id": "u1", "properties": {}}')
    assert Skipped("one-by-one") == merged_against([TRACK, IDENTIFY], NOT_FOUND)
    assert Skipped("one-by-one") == merged_against([GROUP, TRACK], no_address)


def test_an_address_that_comes_and_goes_is_sent_one_by_one() -> None:
    first, second = (an_event("identify", traits={"email": f"{name}@example.com"}) for name in "ab")
    assert Skipped("one-by-one") == merged_against([first, second], NOT_FOUND)


def test_with_properties_alone_a_merge_asks_nothing() -> None:
    account = Account("NPS-5a4db0c1", "client", "secret", actions=frozenset({"properties"}))
    worker = a_worker(known(properties={"plan": "pro"}), account)
    assert [Delivered("unchanged"), Delivered()] == worker.merged([IDENTIFY, TRACK])
    assert ["end-users/look-up", "end-users/update"] == operations(worker)


# --- The same is left


NAMES = st.sampled_from(["a@example.com", "b@example.com", "A@example.com", None])
PHONES = st.sampled_from(["+14155550100", "+1 415 555 0101", "5550100", None])
VALUES = st.sampled_from(["x", "y", 1, 2.5, True, None, ["p", "q"], {"in": 1}, "2018-08-03T15:28:46.493Z"])
TRAITS = st.fixed_dictionaries({}, optional={"plan": VALUES, "n_amount": VALUES, "language": st.just("EN")})


@st.composite
def events(draw: st.DrawFn) -> Event:
    kind = draw(st.sampled_from(["identify", "identify", "track", "page", "screen", "group"]))
    said: dict[str, Any] = draw(TRAITS)
    if kind == "identify":
        own = {"email": draw(NAMES), "phone": draw(PHONES), "created": draw(st.sampled_from([None, 1533310126]))}
        return an_event("identify", traits={**said, **own})
    around = {"traits": {"email": draw(NAMES)}} if draw(st.booleans()) else {}
    match kind:
        case "track":
            event = draw(st.sampled_from(["One", "Two", ""]))
            return an_event("track", event=event, properties=said, context=around)
        case "group":
            return an_event("group", groupId=draw(st.sampled_from(["g1", "g2", None])), traits=said, context=around)
        case "page":
            return an_event("page", name=draw(st.sampled_from(["Cart", None])), context=around)
        case _:
            return an_event("screen", name="Home", context=around)


@st.composite
def vendors(draw: st.DrawFn) -> Wootric:
    vendor = Wootric(replaces=draw(st.booleans()))
    others: list[dict[str, Any]] = [
        {"external_id": "u1", "email": draw(st.sampled_from(["u1@example.com", None])), "properties": {"plan": "old"}},
        {"external_id": "u2", "email": "a@example.com", "phone_number": "+14155550100"},
        {"email": "b@example.com", "phone_number": "+14155550101"},
    ]
    for other in others:
        if draw(st.booleans()):
            vendor.add(**other)
    return vendor


@settings(max_examples=600, deadline=None)
@given(vendors(), st.lists(events(), min_size=2, max_size=5))
def test_a_merge_leaves_what_its_singles_leave(vendor: Wootric, some: list[Event]) -> None:
    apart, joined = a_worker(copy.deepcopy(vendor)), a_worker(copy.deepcopy(vendor))
    one_by_one, together = apart.singly(some), joined.merged(some)
    assert apart.vendor == joined.vendor
    assert [type(outcome) for outcome in one_by_one] == [type(outcome) for outcome in together]


@settings(max_examples=300, deadline=None)
@given(vendors(), st.lists(events(), min_size=1, max_size=4))
def test_an_event_that_is_repeated_after_a_crash_changes_nothing_more(vendor: Wootric, some: list[Event]) -> None:
    worker = a_worker(vendor)
    for event in some:
        worker.singly([event])
        left = copy.deepcopy(vendor.end_users)
        a_worker(vendor).singly([event])
        assert left == vendor.end_users


@settings(max_examples=300, deadline=None)
@given(vendors(), st.lists(events(), min_size=2, max_size=5))
def test_requests_name_their_own_hosts_and_keep_secrets_out_of_urls_and_keys(
    vendor: Wootric, some: list[Event]
) -> None:
    worker = a_worker(vendor)
    worker.merged(some)
    origins = DESTINATION.hosts(ACCOUNT)
    assert all(any(request.url.startswith(f"{origin}/") for origin in origins) for request in worker.sent)
    assert not [
        request for request in worker.sent if any(secret in _open(request) for secret in ("5a4db0c1", "secret"))
    ]


def _open(request: Request) -> str:
    return " ".join((request.url, request.operation, request.cached_as or "", *request.invalidates))
