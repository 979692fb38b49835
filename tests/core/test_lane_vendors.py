"""The real mappings on the lane, against the stand-ins of their vendors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from mappings import wigzo, wootric
from mappings.contract import Destination, Response
from mappings.wigzo.settings import Account as WigzoAccount
from mappings.wootric.settings import Account as WootricAccount
from tests.builders import a_policy
from tests.core.virtual import MINUTE, TIMEOUT, Answer, Arrival, Virtual
from worker.core.holds.states import State
from worker.sandbox import wigzo as wigzo_stand_in
from worker.sandbox import wootric as wootric_stand_in
from worker.sandbox.limits import Limit
from worker.sandbox.vendors import Vendors

WOOTRIC = WootricAccount(
    account_token=wootric_stand_in.Account().account_token,
    client_id=wootric_stand_in.Account().client_id,
    client_secret=wootric_stand_in.Account().client_secret,
)
WIGZO = WigzoAccount(org_token=wigzo_stand_in.Account().org_token)

Hear = Callable[[Arrival], Answer]


def heard_by(vendors: Vendors) -> Hear:
    def hear(arrival: Arrival) -> Response:
        request = arrival.send.request
        return vendors.exchange(replace(request, headers={**request.headers, **arrival.send.headers}), arrival.at)

    return hear


def at_wootric(
    vendors: Vendors, destination: Destination[Any] = wootric.DESTINATION, hear: Hear | None = None
) -> Virtual:
    return Virtual(hear or heard_by(vendors), destination=destination, account=WOOTRIC)


def a_shoppers_day(lane: Virtual, user: str = "u1") -> None:
    lane.write(user, type="identify", traits={"email": f"{user}@example.com", "plan": "free"})
    lane.write(user, type="page", name="Home")
    lane.write(user, event="Product Added", properties={"product_id": "p1", "price": 3})
    lane.write(user, type="identify", traits={"plan": "pro"})
    lane.write(user, event="Order Completed", properties={"total": 25})
    lane.write(user, type="group", groupId="g1", traits={"name": "Kiln"})


def test_a_merge_leaves_the_vendor_as_its_singles_do_with_fewer_requests() -> None:
    states, requests = [], []
    for destination in (wootric.DESTINATION, replace(wootric.DESTINATION, merge=None)):
        vendors = Vendors(keep=True)
        lane = at_wootric(vendors, destination)
        a_shoppers_day(lane)
        a_shoppers_day(lane, "u2")
        lane.finish()
        states.append(vendors.state())
        requests.append(sum(lane.lane.tally.requests.values()))
        assert 12 == sum(count for (outcome, _), count in lane.settled.items() if outcome == "delivered")
    assert states[0] == states[1]
    assert requests[0] < requests[1]


def test_a_merge_that_is_refused_is_sent_one_by_one_and_leaves_the_same() -> None:
    """Somebody else has the second address: only the event that states it is written without it."""
    states = []
    for destination in (wootric.DESTINATION, replace(wootric.DESTINATION, merge=None)):
        vendors = Vendors(keep=True)
        lane = at_wootric(vendors, destination)
        lane.write("other", type="identify", traits={"email": "taken@example.com"})
        lane.finish()
        lane.write("u1", type="identify", traits={"email": "own@example.com", "a": 1})
        lane.write("u1", type="identify", traits={"email": "taken@example.com", "b": 2})
        lane.write("u1", type="identify", traits={"c": 3})
        lane.finish()
        assert 4 == sum(count for (outcome, _), count in lane.settled.items() if outcome == "delivered")
        states.append(vendors.state())
    assert states[0] == states[1]


def test_events_of_a_merge_that_fails_while_others_are_served_are_sent_one_by_one() -> None:
    vendors = Vendors(keep=True)
    hear = heard_by(vendors)

    def vendor(arrival: Arrival) -> Answer:
        form = dict(arrival.send.request.form or ())
        return Response(500) if form.get("properties[poison]") else hear(arrival)

    lane = at_wootric(vendors, hear=vendor)
    lane.write("u1", type="identify", traits={"email": "u1@example.com", "plan": "pro"})
    lane.write("u1", type="identify", traits={"poison": "yes"})
    for user in range(30):
        lane.write(f"w{user}", type="identify", traits={"email": f"w{user}@example.com"})
        lane.run(1.0)
    state = vendors.state()["wootric"]["end_users"]
    assert ["pro"] == [one["properties"]["plan"] for one in state if one["email"] == "u1@example.com"]
    assert 1 == lane.lane.standing().keys_failing


def test_an_account_with_a_limit_is_held_back_by_its_headers_and_everything_is_delivered() -> None:
    vendors = Vendors(wootric_account=wootric_stand_in.Account(limit=Limit()), keep=True)
    lane = at_wootric(vendors, replace(wootric.DESTINATION, merge=None))
    for user in range(250):
        lane.write(f"u{user}", type="identify", traits={"email": f"u{user}@example.com"})
    lane.finish(20 * MINUTE)
    assert (250, {}) == (len(vendors.state()["wootric"]["end_users"]), lane.dead)
    assert {"limited"} == set(lane.lane.tally.held_seconds)


def test_one_user_whom_the_vendor_limits_is_no_limit_for_the_others() -> None:
    vendors = Vendors(keep=True)
    hear = heard_by(vendors)

    def vendor(arrival: Arrival) -> Answer:
        limited = "sick" in arrival.send.request.url or "sick" in str(arrival.send.request.form)
        return Response(429, {"retry-after": "5"}) if limited else hear(arrival)

    lane = at_wootric(vendors, hear=vendor)
    lane.write("sick", type="identify", traits={"email": "sick@example.com"})
    for user in range(60):
        lane.write(f"u{user}", type="identify", traits={"email": f"u{user}@example.com"})
        lane.run(10.0)
    assert 60 == len(vendors.state()["wootric"]["end_users"])
    assert 1 == lane.notes.count("open → limited"), "the vendor's word about the account holds once; then it is known"


def test_a_token_that_the_vendor_forgot_is_got_anew() -> None:
    vendors = Vendors(wootric_account=wootric_stand_in.Account(token_lifetime=100.0), keep=True)
    lane = at_wootric(vendors)
    for user in range(20):
        lane.write(f"u{user}", type="identify", traits={"email": f"u{user}@example.com"})
        lane.run(30.0)
    assert (20, {}) == (len(vendors.state()["wootric"]["end_users"]), lane.dead)
    assert [] == [one for one in lane.notes if "→" in one]


def test_a_wrong_token_at_wigzo_holds_until_the_secret_file_says_the_right_one() -> None:
    vendors = Vendors(keep=True)
    wrong = WigzoAccount(org_token="wrong")
    lane = Virtual(heard_by(vendors), destination=wigzo.DESTINATION, account=wrong)
    for user in range(5):
        lane.write(f"u{user}", type="identify", traits={"email": f"u{user}@example.com"})
    lane.run(5 * MINUTE)
    assert (State.SETUP, {}) == (lane.lane.state, vendors.state()["wigzo"]["users"])
    lane.reread = lambda: WIGZO
    lane.finish()
    assert (5, {}) == (len(vendors.state()["wigzo"]["users"]), lane.dead)


def test_what_wigzo_refuses_with_a_200_is_a_dead_letter_in_its_words() -> None:
    vendors = Vendors(keep=True)
    hear = heard_by(vendors)

    def vendor(arrival: Arrival) -> Answer:
        refused = "u0" in str(arrival.send.request.json)
        return Response(200, {}, b'{"status":"error","message":"no such field"}') if refused else hear(arrival)

    lane = Virtual(vendor, destination=wigzo.DESTINATION, account=WIGZO)
    for user in range(3):
        lane.write(f"u{user}", type="identify", traits={"email": f"u{user}@example.com"})
    lane.finish()
    assert ({"e1": "refused"}, ["u1", "u2"]) == (lane.dead, sorted(vendors.state()["wigzo"]["users"]))
    said = lane.buried[0].headers
    assert ("200", "no such field" in said["relay-detail"]) == (said["relay-status"], True)


@pytest.mark.parametrize("setting", ["retry", "dead-letter"])
def test_an_unrepeatable_request_without_an_answer_is_counted_and_retried_or_given_up(setting: str) -> None:
    vendors = Vendors(keep=True)
    hear = heard_by(vendors)
    lost = 1

    def vendor(arrival: Arrival) -> Answer:
        nonlocal lost
        answer = hear(arrival)
        if arrival.operation == "responses/create" and lost:
            lost = 0
            return TIMEOUT
        return answer

    policy = a_policy(integration="Wootric", unknown_outcome=setting)
    lane = Virtual(vendor, destination=wootric.DESTINATION, account=WOOTRIC, policy=policy)
    lane.write("u1", type="identify", traits={"email": "u1@example.com"})
    lane.finish()
    one = lane.write(
        "u1",
        event="Feedback Submitted",
        properties={"feedbackScore": 9},
        context={"ip": "192.0.2.1", "page": {"url": "https://shop.example/"}},
        integrations={"Wootric": {"eventType": "Create Response"}},
    )
    lane.finish()
    responses = vendors.state()["wootric"]["responses"]
    if setting == "retry":
        assert (2, {}, {"unknown outcome": 1}) == (len(responses), lane.dead, dict(lane.lane.tally.possibly_repeated))
    else:
        assert (1, {one: "unknown-outcome"}, {}) == (len(responses), lane.dead, dict(lane.lane.tally.possibly_repeated))
        assert "no answer to …s/create (timeout)" == lane.buried[0].headers["relay-detail"], "a value of the event"
