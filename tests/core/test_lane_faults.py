"""What a lane does when it is not sure that its partitions are its own, or when what it does is not taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from mappings.contract import Destination, Event, Flow, Request, Response
from tests.builders import a_policy
from tests.core.virtual import HOUR, MINUTE, P0, P1, START, TIMEOUT, Answer, Arrival, Vendor, Virtual
from tests.simulation.destination import DESTINATION, HOST, Account
from worker.core.commit_metadata import decode
from worker.core.faults import Fault, FaultKind
from worker.core.holds.states import State
from worker.core.policy import Policy
from worker.core.tally import Cause

WITHHELD = Fault(FaultKind.WITHHELD, written=False)


def model(**fields: object) -> Policy:
    return a_policy(integration="Model", **fields)


def limits(lane: Virtual) -> set[str]:
    return set(lane.lane.standing().limited_by)


def repeated(lane: Virtual) -> Mapping[Cause, int]:
    return lane.lane.tally.possibly_repeated


# --- The lease


def test_nothing_is_sent_after_the_lease_has_run_out_and_all_of_it_once_it_is_renewed() -> None:
    lane = Virtual()
    lane.lane.lease_until = START
    lane.write("u1")
    lane.run(MINUTE)
    assert ([], {"lease"}) == (lane.vendor.arrivals, limits(lane))
    lane.lane.lease_until = lane.now + MINUTE
    lane.finish(within=MINUTE)
    assert (["e1"], {"idle"}) == (lane.vendor.ids, limits(lane))


def test_a_dead_letter_is_not_written_after_the_lease_has_run_out() -> None:
    lane = Virtual(Vendor(lambda _: Response(400)))
    lane.write("u1")
    lane.run(0.01)
    lane.lane.lease_until = lane.now
    lane.run(MINUTE)
    assert [] == lane.buried
    lane.lane.lease_until = float("inf")
    lane.finish()
    assert {"e1": "refused"} == lane.dead


def test_what_was_withheld_is_sent_later_and_is_nobodys_trouble() -> None:
    lane = Virtual(Vendor(lambda one: WITHHELD if one.at < START + 1 else None))
    lane.write("u1")
    lane.run(0.06)
    assert {"open": 1} == lane.lane.standing().pending, "it went on at once, as the lease was there"
    lane.finish()
    tally = lane.lane.tally
    assert ({("track", "200"): 1}, {}, {}) == (dict(tally.requests), dict(tally.retries), repeated(lane))
    assert (["e1"], 0) == (lane.vendor.ids, lane.lane.standing().keys_failing)


def test_a_login_that_was_withheld_is_sent_later_and_holds_nobody() -> None:
    lane = Virtual(Vendor(lambda one: WITHHELD if one.at < START + 1 else None), account=Account(logs_in=True))
    lane.write("u1")
    lane.finish()
    assert (["e1"], []) == (lane.vendor.ids, [one for one in lane.notes if "→" in one])


def test_a_probe_that_was_withheld_tries_again() -> None:
    lane = Virtual(Vendor(lambda one: TIMEOUT if one.at < START + 1 else WITHHELD if one.at < START + 60 else None))
    for user in range(20):
        lane.write(f"u{user}")
    lane.run(MINUTE + 20)
    assert (State.BREAKER, 20) != (lane.lane.state, len(lane.vendor.arrivals))
    lane.finish()
    assert lane.written == lane.vendor.by_user


def test_what_was_withheld_of_a_lost_partition_is_forgotten() -> None:
    lane = Virtual(Vendor(lambda one: WITHHELD if one.at < START + 1 else None), latency=0.5)
    lane.write("u1", type="identify", traits={"a": 1})
    lane.run(0.1)
    lane.lose([P0])
    lane.run(MINUTE)
    lane.assign([P0])
    lane.finish()
    assert ["e1"] == lane.vendor.ids


def test_a_drain_does_not_wait_for_flows_that_may_not_go_on() -> None:
    lane = Virtual(latency=0.1)
    lane.write("u1", type="identify", traits={"a": 1})
    lane.run(0.05)
    lane.lane.lease_until = lane.now
    lane.run(1.0)
    assert lane.drain(within=10.0)
    assert 1 == lane.lane.tally.released


# --- Commits that nobody takes


def test_while_no_commit_succeeds_for_half_a_minute_nothing_more_is_taken() -> None:
    lane = Virtual()
    lane.commit_error = lambda now: "CoordinatorNotAvailableError" if now < START + 5 * MINUTE else None
    for _ in range(60):
        lane.write("u1")
        lane.run(5.0)
    assert {"commit"} == limits(lane)
    assert START + 30 <= max(one.at for one in lane.vendor.arrivals) < START + 36
    lane.run(10.0)
    lane.finish()
    assert lane.written == lane.vendor.by_user
    assert 60 == lane.committed()


# --- The bound of a drain


def two_writes(event: Event, _account: Account) -> Flow:
    for number in (1, 2):
        body = {"ids": [event.id] if number == 2 else []}
        yield Request("POST", f"{HOST}/users/{event.key}", "write", json={"profile": {}, **body})
    return None


def cut_at_the_bound(lane: Virtual) -> None:
    """As the runner does it: nothing more is sent, what is on the wire is closed, then the partition is let go."""
    lane.revoke([P0])
    lane.lane.cut([P0, P1])
    for send in list(lane.open):
        lane.open.remove(send)
        lane.lane.answer([(send, Fault(FaultKind.CUT, written=True))], lane.now)
    lane.run(1.0)


def test_a_request_cut_at_the_bound_is_counted_once_and_sent_by_the_next_owner() -> None:
    lane = Virtual(latency=60.0)
    lane.write("u1")
    lane.run(1.0)
    cut_at_the_bound(lane)
    assert lane.lane.drained([P0])
    lane.release([P0])
    assert ({"drain's bound": 1}, 1, 0) == (repeated(lane), lane.lane.tally.released, lane.committed())


def test_a_look_up_cut_at_the_bound_repeats_nothing() -> None:
    lane = Virtual(latency=60.0)
    lane.write("u1", type="identify", traits={"a": 1})
    lane.run(1.0)
    cut_at_the_bound(lane)
    lane.release([P0])
    assert {} == repeated(lane)


def test_a_flow_cut_between_two_writes_is_counted_and_goes_no_further() -> None:
    lane = Virtual(destination=_with(two_writes), latency=lambda one: 0.1 if len(lane.vendor.arrivals) < 2 else 60.0)
    lane.write("u1")
    lane.write("u2")
    lane.run(0.15)
    cut_at_the_bound(lane)
    lane.release([P0])
    assert {"drain's bound": 2} == repeated(lane)


@pytest.mark.parametrize(
    ("setting", "dead", "counted"),
    [("dead-letter", {"e1": "unknown-outcome"}, {}), ("retry", {}, {"drain's bound": 1})],
)
def test_a_request_that_must_not_be_repeated_is_given_up_when_it_is_cut_if_the_setting_says_so(
    setting: str, dead: dict[str, str], counted: dict[str, int]
) -> None:
    def once(event: Event, _account: Account) -> Flow:
        yield Request("POST", f"{HOST}/users/{event.key}", "track", json={"ids": [event.id]}, repeatable=False)
        return None

    lane = Virtual(destination=_with(once), policy=model(unknown_outcome=setting), latency=60.0)
    lane.write("u1")
    lane.run(1.0)
    cut_at_the_bound(lane)
    lane.release([P0])
    assert (dead, counted) == (lane.dead, repeated(lane))


def _with(translate: Callable[[Event, Account], Flow]) -> Destination[Account]:
    return replace(DESTINATION, translate=translate, merge=None)


# --- Repeats after a crash


def test_what_the_last_commit_says_was_at_risk_is_counted_by_the_next_owner() -> None:
    lane = Virtual(Vendor(lambda one: None), latency=lambda one: 60.0 if one.key == "slow" else 0.05)
    lane.write("slow")
    lane.write("u1")
    lane.run(2.0)
    said = decode(lane.kafka.commits[P0].metadata, lane.kafka.commits[P0].offset)
    assert said is not None
    assert (2, 1) == (said.at_risk, lane.lane.standing().at_risk), "as much again may have been settled after it"
    lane.crash()
    assert {"crash": 2} == repeated(lane)


def test_settled_events_are_at_risk_until_they_are_committed() -> None:
    lane = Virtual()
    lane.commit_error = lambda now: "CommitFailedError" if now < START + 3 else None
    lane.write("u1")
    lane.run(2.0)
    assert 1 == lane.lane.standing().at_risk
    lane.run(3.0)
    assert 0 == lane.lane.standing().at_risk


def test_who_lets_go_in_order_leaves_nothing_at_risk() -> None:
    lane = Virtual(latency=lambda one: 1.0)
    lane.write("u1")
    lane.run(0.7)
    lane.drain()
    lane.assign([P0])
    assert {} == repeated(lane)


# --- A destination that is paused by its setting


def test_a_disabled_destination_reads_and_sends_nothing_and_commits_what_was_committed() -> None:
    before = Virtual(Vendor(lambda one: TIMEOUT if one.key == "sick" else None))
    before.write("sick")
    before.write("u1")
    before.run(3.0)
    before.drain()
    said = before.kafka.commits[P0]
    lane = Virtual(policy=model(enabled=False), kafka=before.kafka)
    lane.write("u2")
    lane.run(HOUR)
    lane.commit()
    assert ([], {"disabled"}, {P0}) == (lane.vendor.arrivals, limits(lane), set(lane.lane.paused()))
    now = lane.kafka.commits[P0]
    assert (said.offset, decode(said.metadata, said.offset)) == (now.offset, decode(now.metadata, now.offset))


def test_a_disabled_destination_takes_no_record_that_came_before_it_could_pause() -> None:
    lane = Virtual(policy=model(enabled=False))
    record = lane.append(lane.a_message("u1"))
    lane.lane.receive({P0: [record]}, {P0: 1}, lane.now)
    lane.commit()
    assert (0, {}, 0) == (lane.committed(), lane.settled, lane.lane.standing().imbalance)
    lane.lose([P0])
    assert set() == lane.lane.paused()


# --- One user's long queue


def test_the_events_far_behind_in_a_users_queue_wait_as_bytes_and_arrive_in_order() -> None:
    lane = Virtual(policy=model(concurrency=1))
    for _ in range(250):
        lane.write("busy", properties={"text": "x" * 1_000})
    lane.append({"batch": [lane.a_message("busy") for _ in range(120)]})
    lane.written["busy"] += [f"e{number}" for number in range(251, 371)]
    lane.run(0.01)
    value = len(lane.kafka.logs[P0][0].value or b"")
    assert lane.lane._queues.bytes < 250 * value * 8 * 2 // 3
    lane.finish()
    assert lane.written == lane.vendor.by_user
    assert 0 == lane.lane._queues.bytes


def test_what_waits_as_bytes_is_released_with_its_partition() -> None:
    lane = Virtual(Vendor(lambda _: TIMEOUT))
    for _ in range(150):
        lane.write("busy")
    lane.run(0.01)
    assert {"open": 1, "behind its user": 149} == lane.lane.standing().pending
    lane.lose([P0])
    assert (150, {}) == (lane.lane.tally.released, lane.lane.standing().pending)


# --- A person's decision


def test_parking_gives_the_heads_of_failing_users_up_and_nobody_elses() -> None:
    lane = Virtual(Vendor(lambda one: TIMEOUT if one.key == "sick" else None), latency=0.5)
    lane.write("sick")
    lane.write("sick")
    lane.write("u1")
    lane.run(5.0, until=lambda: "sleeping" in lane.lane.standing().pending)
    assert 1 == lane.lane.park()
    assert 0 == lane.lane.park(), "its dead letter is on its way"
    lane.run(0.1)
    lane.run(0.1)
    assert ({"e1": "parked"}, ["e3"]) == (lane.dead, lane.vendor.ids)


def test_parking_passes_over_a_user_whose_key_is_open_in_another_partition() -> None:
    def vendor(arrival: Arrival) -> Answer | None:
        return TIMEOUT if arrival.at < START + 1 else None

    lane = Virtual(Vendor(vendor), partitions=(P0, P1), latency=lambda one: 0.05 if one.at < START + 1 else 60.0)
    lane.write("both")
    lane.run(0.06)
    lane.write("both", to=P1)
    lane.run(0.01)
    lane.run(2.0, until=lambda: bool(lane.open))
    assert 0 == lane.lane.park()


def test_after_parking_again_and_again_the_long_queue_of_a_user_is_still_in_order() -> None:
    lane = Virtual(Vendor(lambda _: TIMEOUT))
    for _ in range(200):
        lane.write("sick")
    for _ in range(120):
        lane.run(MINUTE + 1, until=lambda: "sleeping" in lane.lane.standing().pending)
        assert 1 == lane.lane.park()
        lane.run(0.02)
    lane.run(0.02)
    assert [f"e{number}" for number in range(1, 121)] == list(lane.dead)


# --- Full of failing users


def test_a_lane_that_is_full_of_failing_users_says_so_once_and_when_it_is_over() -> None:
    sick_until = START + 10 * MINUTE
    lane = Virtual(
        Vendor(lambda one: Response(503) if one.key.startswith("sick") and one.at < sick_until else None),
        policy=model(buffer_events=20),
        books_every=50,
    )
    for number in range(4):
        lane.write(f"sick{number}")
        lane.write(f"u{number}")
    lane.run(MINUTE)
    for number in range(60):
        lane.write(f"sick{number % 19}")
    lane.run(5 * MINUTE)
    assert {"buffer events", "failing users"} <= limits(lane)
    assert 1 == lane.notes.count("full of failing users")
    lane.finish()
    lane.run(20.0)
    assert 1 == lane.notes.count("no longer full of failing users")
    assert lane.written == lane.vendor.by_user


# --- The budget of retries


def test_retries_of_the_many_are_no_more_than_ten_a_second_where_nothing_else_is_sent() -> None:
    lane = Virtual(Vendor(lambda one: Response(503) if one.at < START + 1 else None), books_every=50)
    for number in range(15):
        lane.write(f"u{number}")
    lane.run(0.5)
    for number in range(15, 19):
        lane.write(f"u{number}")
    lane.run(20.0)
    assert lane.written == lane.vendor.by_user


def test_retries_that_fail_wait_for_their_share_of_the_requests() -> None:
    lane = Virtual(
        Vendor(lambda one: Response(500) if one.key.startswith("sick") and one.at < START + 10 else None),
        books_every=50,
    )
    for number in range(200):
        lane.write(f"well{number}")
        lane.write(f"sick{number}")
    lane.run(5.0)
    assert {"retry budget"} == limits(lane)
    by_second = [sum(1 for one in lane.vendor.arrivals if int(one.at - START) == second) for second in range(1, 5)]
    assert max(by_second) <= 10 + 400 // 20
    lane.run(5.5)
    before = len(lane.vendor.arrivals)
    lane.run(10.0)  # they are well again: nothing holds them back but their own waits
    assert len(lane.vendor.arrivals) - before > 150
    lane.finish()
    assert lane.written == lane.vendor.by_user
