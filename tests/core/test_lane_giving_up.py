"""Events that never go through: given up in the end, with witnesses, and nobody else waits for them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from mappings.contract import Event, Flow, Request, Response
from tests.builders import a_policy
from tests.core.virtual import (
    HOUR,
    MINUTE,
    P0,
    P1,
    PAGE,
    REFUSED,
    START,
    TIMEOUT,
    Answer,
    Arrival,
    Script,
    Vendor,
    Virtual,
)
from tests.simulation.destination import DESTINATION, HOST, Account
from worker.core.commit_metadata import decode
from worker.core.holds.states import State

WINDOW = 4 * HOUR


def poison(answer: Answer, *ids: str) -> Script:
    """These events are answered so for ever."""

    def script(arrival: Arrival) -> Answer | None:
        return answer if set(ids) & set(arrival.ids) else None

    return script


def latest(lane: Virtual, ids: list[str]) -> float:
    """How long the slowest of these took from its record to its acceptance."""
    accepted = {one.id: one.at for one in lane.vendor.accepted}
    written = {
        one.offset: one.timestamp / 1000 for log in lane.kafka.logs.values() for one in log
    }  # event e1 is at offset 0
    return max(accepted[one] - written[int(one[1:]) - 1] for one in ids)


def test_an_event_that_fails_for_ever_is_given_up_after_the_retry_window_and_not_before() -> None:
    lane = Virtual(Vendor(poison(Response(500), "e1")))
    lane.write("sick")
    lane.write("sick")
    others = lane.trickle(WINDOW - MINUTE, every=60.0)
    assert ({}, {"sick": 2}) == (lane.dead, {"sick": len(lane.written["sick"])})
    others += lane.trickle(3 * MINUTE)
    assert {"e1": "retries-exhausted"} == lane.dead
    assert WINDOW <= lane.buried[0].at - START < WINDOW + 2 * MINUTE
    assert "e2" in lane.vendor.ids, "who comes behind it is served as soon as it is gone"
    assert latest(lane, others) < 1.0


def test_without_witnesses_nothing_is_ever_given_up() -> None:
    lane = Virtual(Vendor(lambda arrival: Response(500)))
    for user in range(3):
        lane.write(f"u{user}")
    lane.run(1.5 * WINDOW)
    assert ({}, {"sleeping": 3}) == (lane.dead, lane.lane.standing().pending)
    assert 3 == lane.lane.standing().keys_failing


def test_an_event_that_the_vendor_refuses_for_good_is_a_dead_letter_at_once() -> None:
    lane = Virtual(Vendor(poison(Response(400), "e1")))
    lane.write("u1")
    lane.write("u1")
    assert lane.finish() < 0.2
    assert ({"e1": "refused"}, ["e2"]) == (lane.dead, lane.vendor.ids)
    assert {("dead-lettered", "refused"): 1, ("delivered", ""): 1} == lane.settled


def test_an_event_that_a_firewall_refuses_is_rejected_at_its_third_witnessed_refusal_after_two_minutes() -> None:
    lane = Virtual(Vendor(poison(Response(403), "e1")))
    lane.write("u1")
    lane.write("u1")
    others = lane.trickle(10 * MINUTE, every=1.0)
    assert {"e1": "wrong-setup"} == lane.dead
    refusals = [one.at for one in lane.vendor.arrivals if one.ids == ["e1"]]
    first = refusals[0] - START
    assert 120.0 <= lane.buried[0].at - START - first < 240.0
    assert len(refusals) >= 4  # the first of them had no witness
    assert latest(lane, others) < 1.0
    assert 1 == lane.notes.count("open → set-up"), "nobody else was there when it was refused twice: that was asked"
    assert "e2" in lane.vendor.ids


def test_refusals_without_a_witness_reject_nothing() -> None:
    """The firewall refuses this one; nobody else is there to be served, and a second refusal confirms the first."""
    lane = Virtual(Vendor(poison(Response(403), "e1")))
    lane.write("u1")
    lane.run(HOUR)
    assert ({}, State.SETUP) == (lane.dead, lane.lane.state)


def test_a_refusal_that_rejects_is_a_witnessed_one() -> None:
    """Four witnessed refusals in the first seconds; the next one, after two minutes, may be everybody's."""

    def vendor(arrival: Arrival) -> Answer | None:
        tries = sum(one.ids == ["e1"] for one in lane.vendor.arrivals)
        if arrival.ids != ["e1"] or arrival.at > START + 300:
            return None
        return Response(403, {"retry-after": "2" if tries < 5 else "200"})

    lane = Virtual(Vendor(vendor))
    lane.write("u1")
    lane.trickle(8.0, every=0.5)
    assert 4 == len(lane.vendor.times("u1"))
    lane.run(HOUR)
    assert ({}, 7) == (lane.dead, len(lane.vendor.times("u1")))
    assert "e1" in lane.vendor.ids


def test_a_user_whom_the_vendor_limits_waits_alone_and_is_given_up_like_any_other_failure() -> None:
    lane = Virtual(Vendor(lambda arrival: Response(429) if arrival.key == "sick" else None))
    lane.write("sick")
    others = lane.trickle(WINDOW - MINUTE, every=60.0)
    assert {} == lane.dead
    others += lane.trickle(3 * MINUTE)
    assert {"e1": "retries-exhausted"} == lane.dead
    assert latest(lane, others) < 1.0
    assert 1 == lane.notes.count("open → limited"), "nobody else was there when it was limited twice: that was asked"


def test_once_the_window_has_run_out_each_following_event_gets_one_witnessed_attempt() -> None:
    sick = True
    policy = a_policy(integration="Model", retry_window=HOUR)
    lane = Virtual(Vendor(lambda arrival: Response(500) if arrival.key == "sick" and sick else None), policy=policy)
    for _ in range(3):
        lane.write("sick")
    lane.trickle(HOUR + 5 * MINUTE)
    assert {f"e{n}": "retries-exhausted" for n in (1, 2, 3)} == lane.dead
    sick = False
    lane.write("sick")
    again = lane.write("sick")
    lane.trickle(MINUTE)
    assert again == lane.vendor.by_user["sick"][-1]
    sick = True
    lane.write("sick")
    lane.trickle(HOUR / 2)
    assert 3 == len(lane.dead), "a delivery forgets the first failure: the window begins anew"


def test_a_dead_letter_says_how_often_it_was_tried_since_when_and_what_was_answered() -> None:
    policy = a_policy(integration="Model", retry_window=HOUR)
    lane = Virtual(Vendor(poison(Response(500), "e1")), policy=policy)
    lane.write("sick")
    lane.trickle(HOUR + 5 * MINUTE)
    tries = [one.at for one in lane.vendor.arrivals if one.ids == ["e1"]]
    said = lane.buried[0].headers
    assert (str(len(tries)), "500") == (said["relay-attempts"], said["relay-status"])
    assert pytest.approx((tries[0] + 0.05) * 1000, abs=1) == float(said["relay-first-failed"])


def asked_and_sent(event: Event, account: Account) -> Flow:
    """A look-up, then what a person would notice twice."""
    yield Request("GET", f"{HOST}/users/{event.key}", "look-up")
    yield Request("POST", f"{HOST}/users/{event.key}", "survey", json={"ids": [event.id]}, repeatable=False)
    return None


@pytest.mark.parametrize("answer", [TIMEOUT, Response(502), PAGE])
def test_what_may_have_been_sent_and_must_not_be_twice_is_given_up_even_while_the_lane_holds(answer: Answer) -> None:
    """The one that trips the breaker, and each probe: a probe that comes to nothing is followed by the next in time."""
    lane = Virtual(
        Vendor(lambda arrival: answer if arrival.operation == "survey" and arrival.at < START + MINUTE else None),
        destination=replace(DESTINATION, translate=asked_and_sent, merge=None),
        policy=a_policy(integration="Model", unknown_outcome="dead-letter"),
    )
    for user in range(60):
        lane.write(f"u{user}", gap=0)
    lane.run(0.2)
    lane.finish()
    surveys = Counter(one.ids[0] for one in lane.vendor.arrivals if one.operation == "survey")
    assert {1} == set(surveys.values())
    assert {"unknown-outcome"} == set(lane.dead.values())
    assert {one: "unknown-outcome" for one in surveys if one not in lane.vendor.ids} == lane.dead


def test_with_a_request_that_was_never_written_nothing_is_unknown() -> None:
    lane = Virtual(
        Vendor(lambda arrival: REFUSED if arrival.operation == "survey" and arrival.at < START + 9 else None),
        destination=replace(DESTINATION, translate=asked_and_sent, merge=None),
        policy=a_policy(integration="Model", unknown_outcome="dead-letter"),
    )
    lane.write()
    lane.finish()
    assert ({}, ["e1"], {}) == (lane.dead, lane.vendor.ids, dict(lane.lane.tally.possibly_repeated))


def test_one_sick_user_with_more_events_than_the_buffer_holds_takes_the_room_of_no_other_partition() -> None:
    policy = a_policy(integration="Model", buffer_events=100, retry_window=HOUR)
    lane = Virtual(
        Vendor(lambda arrival: Response(500) if arrival.key == "sick" else None), policy=policy, partitions=(P0, P1)
    )
    sick = [lane.write("sick") for _ in range(300)]
    for user in range(200):
        lane.write(f"u{user}", to=P1)
        lane.run(MINUTE / 2)
    assert 200 == lane.committed(P1)
    given_up = [one for one in sick if one in lane.dead]
    assert sick[: len(given_up)] == given_up, "with the others as witnesses"
    assert len(given_up) > 10


def test_a_buffer_full_of_failing_users_has_a_name() -> None:
    policy = a_policy(integration="Model", buffer_events=50)
    lane = Virtual(Vendor(lambda arrival: Response(500) if arrival.key.startswith("sick") else None), policy=policy)
    for user in range(15):
        for _ in range(5):
            lane.write(f"sick{user}")
    lane.write("well")
    lane.run(MINUTE)
    standing = lane.lane.standing()
    assert ({"buffer events", "failing users"}, 10) == (set(standing.limited_by), standing.keys_failing)


def test_a_vendor_in_trouble_that_says_at_once_is_not_asked_at_once() -> None:
    vendor = Vendor(lambda _: Response(500, {"retry-after": "0"}))
    lane = Virtual(vendor)
    lane.write("sick")
    lane.run(MINUTE)
    # The backoff doubles from half a second: about a dozen tries in a minute, not thousands.
    assert 3 < len(vendor.arrivals) < 40


# --- Over restarts


def test_a_poison_event_is_given_up_after_the_window_and_not_before_restarts_or_not() -> None:
    lane = Virtual(Vendor(poison(Response(500), "e1")), books_every=20)
    lane.write("sick")
    while lane.now < START + WINDOW - MINUTE:
        lane.trickle(20 * MINUTE, every=60.0)
        assert {} == lane.dead, "not before"
        lane.crash()
    lane.trickle(30 * MINUTE, every=30.0)
    assert {"e1": "retries-exhausted"} == lane.dead
    assert str(round(START * 1000)) == lane.buried[0].headers["relay-first-failed"]


def test_a_first_failure_is_kept_while_its_event_is_not_read_again() -> None:
    lane = Virtual(Vendor(poison(Response(500), "e1")), books_every=20)
    lane.write("sick")
    lane.trickle(20 * MINUTE, every=60.0)
    lane.crash()
    lane.commit()
    assert lane.kafka.commits[P0].metadata
    lane.crash()
    failing = lane.lane._intake.assignments[P0].known_failures
    assert {(0, 0): int(START)} == failing or lane.lane.standing().keys_failing


def test_a_first_failure_of_an_event_that_is_wanted_no_more_is_forgotten_once_it_is_committed() -> None:
    before = Virtual(Vendor(poison(Response(500), "e1")), books_every=20)
    before.write("sick")
    before.trickle(20 * MINUTE, every=60.0)
    before.drain()
    lane = Virtual(policy=a_policy(integration="Model", types=frozenset({"page"})), kafka=before.kafka)
    lane.finish()
    lane.commit()
    said = decode(lane.kafka.commits[P0].metadata, lane.kafka.commits[P0].offset)
    assert (21, ()) == (lane.committed(), said.failing if said else None)


def test_what_failed_under_an_earlier_owner_is_no_first_attempt_for_the_breaker() -> None:
    lane = Virtual(Vendor(lambda one: Response(500) if one.key.startswith("sick") else None), books_every=20)
    for number in range(19):
        lane.write(f"sick{number}")
    lane.trickle(10 * MINUTE, every=10.0)
    lane.crash()
    lane.write("sick19")
    lane.run(0.001)
    assert 19 == lane.lane.standing().keys_failing
    lane.run(10.0)
    assert State.OPEN is lane.lane.state


def test_of_who_was_given_up_and_never_came_back_nothing_is_kept_for_more_than_a_day() -> None:
    lane = Virtual(Vendor(poison(Response(500), "e1")), books_every=100)
    lane.write("sick")
    lane.trickle(WINDOW + 10 * MINUTE, every=60.0)
    users = lane.lane._intake.assignments[P0].users
    assert ({"e1": "retries-exhausted"}, ["sick"]) == (lane.dead, list(users))
    lane.run(23 * HOUR)
    assert ["sick"] == list(users)
    for _ in range(5):
        lane.run(HOUR)
        lane.lane.tick(lane.now)
    assert [] == list(users)
