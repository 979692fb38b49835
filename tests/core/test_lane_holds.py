"""What a lane does while it holds, who tries, and what opens it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest

from mappings.contract import Limited, Quota, Response, WrongSetup
from tests.builders import a_policy
from tests.core.virtual import HOUR, MINUTE, P0, P1, START, TIMEOUT, Answer, Arrival, Script, Vendor, Virtual
from tests.simulation.destination import DESTINATION, Account
from worker.core.holds.states import State

FORBIDDEN = Response(403)


def probes(lane: Virtual, since: float = 0.0) -> list[float]:
    """When requests arrived, in seconds from the start."""
    return [round(one.at - START, 1) for one in lane.vendor.arrivals if one.at - START >= since]


def by_secret(right: str) -> Script:
    """The vendor knows who has this secret, and refuses everybody else."""
    return lambda arrival: None if arrival.secret == right else FORBIDDEN


# --- set-up


def test_a_refused_set_up_is_tried_at_once_and_every_minute_by_another_user_with_secrets_read_anew() -> None:
    lane = Virtual(Vendor(lambda _: FORBIDDEN))
    for user in range(6):
        lane.write(f"u{user}")
    lane.run(5 * MINUTE)
    assert (State.SETUP, "track is refused (forbidden): check the set-up") == (
        lane.lane.state,
        lane.lane.standing().why,
    )
    held = lane.lane.standing().held_since
    assert held is not None
    tries = [one for one in lane.vendor.arrivals if one.at >= held]
    assert [0, 60, 120, 180, 240] == [round(one.at - held) for one in tries]
    assert 5 == len({one.key for one in tries})
    assert [one.at for one in tries] == lane.reads


def test_a_changed_secret_file_opens_a_refused_set_up() -> None:
    lane = Virtual(Vendor(by_secret("new")), account=Account(secret="old"))
    for user in range(6):
        lane.write(f"u{user}")
    lane.run(10 * MINUTE)
    assert ([], State.SETUP) == (lane.vendor.ids, lane.lane.state)
    lane.reread = lambda: Account(secret="new")
    assert lane.finish() < MINUTE + 2
    assert (lane.written, {}, State.SLOW_START) == (lane.vendor.by_user, lane.dead, lane.lane.state)


def test_the_second_refused_set_up_is_tried_at_once_with_the_new_secret_like_the_first() -> None:
    right = "a"
    lane = Virtual(Vendor(lambda arrival: by_secret(right)(arrival)), account=Account(secret="old"))
    files = Account(secret="a")
    lane.reread = lambda: files
    for user in range(6):
        lane.write(f"u{user}")
    assert lane.finish() < 2.0
    right, files = "b", Account(secret="b")
    for user in range(6):
        lane.write(f"u{user}")
    assert lane.finish() < 2.0
    assert (2, {}) == (len(lane.reads), lane.dead)


def test_only_the_refused_operation_opens_a_refused_set_up() -> None:
    def vendor(arrival: Arrival) -> Answer | None:
        return FORBIDDEN if arrival.operation == "write" and arrival.at < START + 300 else None

    lane = Virtual(Vendor(vendor))
    for user in range(3):
        lane.write(f"writer{user}", type="identify", traits={"n": user})
    lane.run(10.0)
    assert State.SETUP is lane.lane.state
    tracks = [lane.write(f"tracker{user}") for user in range(3)]
    lane.run(2 * MINUTE)
    assert (State.SETUP, tracks) == (lane.lane.state, lane.vendor.ids), "who probes in vain is delivered all the same"
    lane.finish()
    assert (lane.written, {}) == (lane.vendor.by_user, lane.dead)


def test_a_hold_that_one_user_alone_brought_about_is_questioned_by_the_next_user_who_comes() -> None:
    lane = Virtual(Vendor(lambda arrival: FORBIDDEN if arrival.key == "sick" else None))
    lane.write("sick")
    lane.run(20.0)
    assert State.SETUP is lane.lane.state
    well = lane.write("well")
    lane.run(0.2)
    assert ([well], "slow start") == (lane.vendor.ids, lane.lane.standing().state)


def test_a_second_user_who_is_refused_confirms_what_one_alone_brought_about() -> None:
    lane = Virtual(Vendor(lambda arrival: FORBIDDEN))
    lane.write("u1")
    lane.run(20.0)
    before = len(lane.vendor.arrivals)
    for user in range(2, 9):
        lane.write(f"u{user}")
        lane.run(1.0)
    assert before + 1 == len(lane.vendor.arrivals)


# --- limits


def test_a_limited_lane_tries_again_at_the_time_that_was_named() -> None:
    def vendor(arrival: Arrival) -> Answer | None:
        after = arrival.at - START
        return Response(429, {"retry-after": str(int(100 - after))}) if after < 99 else None

    lane = Virtual(Vendor(vendor))
    for user in range(9):
        lane.write(f"u{user}")
    lane.run(0.2)
    assert State.OPEN is lane.lane.state, "they were all sent before the first was heard"
    lane.write("another")
    lane.run(0.2)
    lane.write("and another")
    lane.run(50.0)
    assert ("limited", {"held"}) == (lane.lane.standing().state, set(lane.lane.standing().limited_by))
    lane.finish()
    assert not [at for at in probes(lane) if 1 < at < 99]
    assert (lane.written, {}) == (lane.vendor.by_user, lane.dead)


def test_a_limited_lane_of_which_nobody_said_how_long_tries_every_minute_and_backs_off_no_more() -> None:
    lane = Virtual(Vendor(lambda arrival: Response(429) if arrival.at < START + 200 else None))
    for user in range(9):
        lane.write(f"u{user}")
    lane.finish()
    held = [at for at in probes(lane) if at > 20]
    assert pytest.approx([60, 120, 180, 240], abs=3) == held[:4]


def test_the_vendors_word_about_the_account_holds_at_once_and_for_an_hour_at_most() -> None:
    limited = replace(
        DESTINATION, meaning=lambda answer: Limited(until=START + 5 * HOUR) if answer.status == 429 else None
    )
    lane = Virtual(
        Vendor(lambda arrival: Response(429) if arrival.at < START + 90 * MINUTE else None), destination=limited
    )
    lane.write("u1")
    lane.write("u2")
    lane.run(0.06)
    assert State.LIMITED is lane.lane.state
    assert lane.finish(3 * HOUR) == pytest.approx(2 * HOUR, abs=MINUTE)
    assert 4 == len(lane.vendor.arrivals) - 1


def quota_of(answer: Response) -> Quota | None:
    left, until = answer.headers.get("left"), answer.headers.get("until")
    return None if left is None else Quota(int(left), float(until or 0))


def test_no_more_requests_are_open_than_the_quota_leaves_and_none_where_it_leaves_none() -> None:
    left = 6
    sent: list[float] = []

    def vendor(arrival: Arrival) -> Response:
        nonlocal left
        if arrival.at >= START + 60 and sent[-1] < START + 60:
            left = 6
        sent.append(arrival.at)
        if left == 0:
            return Response(429)
        left -= 1
        return Response(200, {"left": str(left), "until": str(START + 60 * (1 + (arrival.at - START) // 60))}, b"{}")

    lane = Virtual(
        vendor, destination=replace(DESTINATION, quota=quota_of), policy=a_policy(integration="Model", concurrency=2)
    )
    for user in range(8):
        lane.write(f"u{user}")
    took = lane.finish()
    assert 8 == len(sent), "nothing was sent in vain"
    assert pytest.approx(60, abs=1) == took
    assert {"limited"} == set(lane.lane.tally.held_seconds)


def test_a_quota_that_is_running_out_lets_fewer_go_until_it_is_renewed() -> None:
    until = START + 30

    def vendor(arrival: Arrival) -> Response:
        return Response(200, {"left": "2", "until": str(until)} if arrival.at < until else {}, b"{}")

    lane = Virtual(vendor, destination=replace(DESTINATION, quota=quota_of), latency=1.0)
    lane.write("first")
    lane.run(1.5)
    for user in range(80):
        lane.write(f"u{user}")
    lane.run(20.0)
    assert 2 == len(lane.open)
    lane.run(9.0)
    assert 2 < len(lane.open)
    lane.finish()


# --- login


def test_one_login_serves_all_who_wait_for_it() -> None:
    lane = Virtual(account=Account(logs_in=True))
    for user in range(50):
        lane.write(f"u{user}")
    assert lane.finish() < 0.2
    assert (1, 50) == (sum(one.operation == "login" for one in lane.vendor.arrivals), len(lane.vendor.ids))


def test_a_refused_login_holds_and_is_tried_every_minute_with_secrets_read_anew() -> None:
    def vendor(arrival: Arrival) -> Answer | None:
        return Response(401) if arrival.operation == "login" and arrival.secret != "new" else None

    lane = Virtual(Vendor(vendor), account=Account(secret="old", logs_in=True))
    for user in range(5):
        lane.write(f"u{user}")
    lane.run(5 * MINUTE - 1)
    assert (State.LOGIN, [0, 60, 120, 180, 240]) == (lane.lane.state, [round(at) for at in probes(lane)])
    assert 4 == len(lane.reads)
    lane.reread = lambda: Account(secret="new", logs_in=True)
    assert lane.finish() < 5.0
    assert (lane.written, {}) == (lane.vendor.by_user, lane.dead)


@pytest.mark.parametrize("answer", [TIMEOUT, Response(500), Response(429)])
def test_a_login_that_fails_for_now_is_tried_again_after_a_while(answer: Answer) -> None:
    def vendor(arrival: Arrival) -> Answer | None:
        return answer if arrival.at < START + 20 else None

    lane = Virtual(Vendor(vendor), account=Account(logs_in=True))
    lane.write()
    assert lane.finish() < 2 * MINUTE
    assert {"login"} == set(lane.lane.tally.held_seconds)


def test_a_token_that_expires_is_renewed_before_its_end_and_nobody_waits() -> None:
    lane = Virtual(account=Account(logs_in=True))
    lane.trickle(HOUR, every=10.0)
    logins = [one.at for one in lane.vendor.arrivals if one.operation == "login"]
    assert [270.0] * 13 == pytest.approx([after - before for before, after in pairwise(logins)], abs=11)
    assert 14 == len(logins)
    assert (lane.written, {}) == (lane.vendor.by_user, lane.dead)


def test_a_token_that_the_vendor_forgot_is_got_anew_once_for_all() -> None:
    forgotten = False

    def vendor(arrival: Arrival) -> Answer | None:
        stale = forgotten and arrival.send.headers.get("authorization") == "t1"
        return Response(401) if stale else None

    lane = Virtual(Vendor(vendor), account=Account(logs_in=True))
    lane.write()
    lane.run(MINUTE)
    forgotten = True
    for user in range(40):
        lane.write(f"u{user}")
    assert lane.finish() < 0.3
    assert 2 == sum(one.operation == "login" for one in lane.vendor.arrivals)
    assert ({}, [], lane.written) == (lane.dead, [n for n in lane.notes if "→" in n], lane.vendor.by_user)


def test_a_fresh_token_that_is_refused_is_a_wrong_set_up() -> None:
    lane = Virtual(
        Vendor(lambda arrival: None if arrival.operation == "login" else Response(401)), account=Account(logs_in=True)
    )
    lane.write("u1")
    lane.write("u2")
    lane.run(5 * MINUTE)
    assert (State.SETUP, {}) == (lane.lane.state, lane.dead)
    assert sum(one.operation == "login" for one in lane.vendor.arrivals) <= 6


@pytest.mark.parametrize("hold", ["login", "set-up"])
def test_settings_that_need_no_login_any_more_open_a_login_hold(hold: str) -> None:
    def vendor(arrival: Arrival) -> Answer | None:
        if arrival.operation == "login":
            return Response(401) if hold == "login" or arrival.at > START else None
        return Response(401) if arrival.secret != "new" else None

    lane = Virtual(Vendor(vendor), account=Account(secret="old", logs_in=True))
    for user in range(5):
        lane.write(f"u{user}")
    lane.run(3 * MINUTE)
    assert hold == lane.lane.standing().state
    lane.reread = lambda: Account(secret="new", logs_in=False)
    lane.finish()
    assert (lane.written, {}) == (lane.vendor.by_user, lane.dead)


def test_a_login_is_the_first_step_of_a_probe_where_the_token_ended_during_a_hold() -> None:
    """And where that login fails, the probe has failed."""

    def vendor(arrival: Arrival) -> Answer | None:
        after = arrival.at - START
        if arrival.operation == "login":
            return Response(500) if 300 < after < 900 else None
        return TIMEOUT if 10 < after < 600 else None

    lane = Virtual(Vendor(vendor), account=Account(logs_in=True))
    lane.write("first")
    lane.run(11.0)
    for user in range(20):
        lane.write(f"u{user}")
    lane.run(290.0)
    assert State.BREAKER is lane.lane.state
    lane.run(600.0)
    assert State.BREAKER is lane.lane.state
    lane.finish()
    assert (lane.written, {}) == (lane.vendor.by_user, lane.dead)


def test_users_who_waited_for_a_login_when_the_breaker_tripped_are_served_after_it() -> None:
    def vendor(arrival: Arrival) -> Answer | None:
        after = arrival.at - START
        if arrival.operation == "login":
            return None
        return Response(401) if 40 < after < 60 else TIMEOUT if 60 < after < 100 else None

    lane = Virtual(
        Vendor(vendor), account=Account(logs_in=True), latency=lambda one: 30.0 if one.operation == "login" else 0.05
    )
    for user in range(100):
        lane.write(f"u{user}")
        lane.run(1.0)
    lane.finish()
    assert (lane.written, {}) == (lane.vendor.by_user, lane.dead)


# --- the circuit breaker


def test_the_breaker_trips_at_twenty_failures_in_a_row_and_probes_after_5_10_20_40_60_seconds() -> None:
    lane = Virtual(Vendor(lambda arrival: TIMEOUT), latency=0.0)
    for user in range(20):
        lane.write(f"u{user}")
    lane.run(200.0)
    assert State.BREAKER is lane.lane.state
    assert [0.0] * 20 + [5, 15, 35, 75, 135, 195] == probes(lane)
    assert 6 == len({one.key for one in lane.vendor.arrivals[20:]}), "another user each time"


def test_retries_of_the_sick_never_trip_the_breaker() -> None:
    lane = Virtual(Vendor(lambda arrival: Response(500)))
    for user in range(19):
        lane.write(f"u{user}")
    lane.run(HOUR)
    assert (State.OPEN, []) == (lane.lane.state, [one for one in lane.notes if "→" in one])


def test_a_poison_event_keeps_no_healthy_destination_closed() -> None:
    """It is the oldest, and its user never succeeds: the first probe of another user opens the lane."""

    def vendor(arrival: Arrival) -> Answer | None:
        return Response(500) if arrival.ids == ["e1"] or arrival.at < START + 30 else None

    lane = Virtual(Vendor(vendor))
    for user in range(25):
        lane.write(f"u{user}")
    lane.run(40.0)
    assert {f"e{n}" for n in range(2, 26)} == set(lane.vendor.ids)


@pytest.mark.parametrize("opener", ["waits", "comes later"])
def test_an_event_that_is_refused_for_good_keeps_no_healthy_destination_closed(opener: str) -> None:
    def vendor(arrival: Arrival) -> Answer | None:
        if arrival.at < START + 1:
            return TIMEOUT
        return Response(400) if arrival.key != "well" else None

    lane = Virtual(Vendor(vendor))
    for user in range(20):
        lane.write(f"u{user}")
    if opener == "waits":
        lane.run(2.0)
        lane.write("well")
        lane.run(8.0)
    else:
        lane.run(MINUTE)
        lane.write("well")
        lane.run(MINUTE)
    assert ["e21"] == lane.vendor.ids
    lane.finish()
    assert {"refused"} == set(lane.dead.values())


def test_refusals_while_the_lane_holds_are_asked_again_afterwards() -> None:
    """Whatever stands in front of a broken vendor may answer 400 to everything."""

    def vendor(arrival: Arrival) -> Answer | None:
        after = arrival.at - START
        return TIMEOUT if after < 3 else Response(400) if after < HOUR else None

    lane = Virtual(Vendor(vendor))
    for user in range(30):
        lane.write(f"u{user}")
    lane.run(HOUR)
    assert (State.BREAKER, {}) == (lane.lane.state, lane.dead)
    lane.finish()
    assert (lane.written, {}) == (lane.vendor.by_user, lane.dead)


def test_after_a_hold_1_2_4_and_more_are_open() -> None:
    lane = Virtual(Vendor(lambda arrival: TIMEOUT if arrival.at < START + 2 else None), latency=1.0)
    for user in range(63):
        lane.write(f"u{user}")
    lane.run(MINUTE, until=lambda: lane.lane.state is State.SLOW_START)
    seen = []
    while not lane.lane.idle:
        lane.run(0.5)
        seen.append(len(lane.open))
        lane.run(0.5)
    assert [1, 2, 4, 8, 16] == [count for count in dict.fromkeys(seen) if count][:5]


def test_with_as_many_open_as_allowed_the_slow_start_is_over() -> None:
    lane = Virtual(
        Vendor(lambda arrival: TIMEOUT if arrival.at < START + 2 else None),
        policy=a_policy(integration="Model", concurrency=4),
    )
    for user in range(40):
        lane.write(f"u{user}")
    lane.finish()
    assert ["open → breaker", "breaker → slow start", "slow start → open"] == [one for one in lane.notes if "→" in one]


def test_a_probe_of_several_requests_goes_on_to_its_end_while_the_lane_holds() -> None:
    def vendor(arrival: Arrival) -> Answer | None:
        return FORBIDDEN if arrival.operation == "write" and arrival.at < START + 90 else None

    lane = Virtual(Vendor(vendor))
    for user in range(3):
        lane.write(f"u{user}", type="identify", traits={"n": user})
    lane.run(MINUTE)
    lane.lane.secrets(Account(secret="new"), (), lane.now)
    lane.finish()
    assert (lane.written, {}) == (lane.vendor.by_user, lane.dead)


def test_a_probe_whose_partition_goes_away_lets_another_user_try_at_once() -> None:
    lane = Virtual(
        Vendor(lambda arrival: TIMEOUT if arrival.at < START + 3 else None),
        partitions=(P0, P1),
        latency=lambda one: 30.0 if START + 3 < one.at < START + 6 else 0.01,
    )
    for user in range(20):
        lane.write(f"u{user}")
    lane.run(6.0)
    assert (State.BREAKER, 1) == (lane.lane.state, len(lane.open))
    other = lane.write("other", to=P1)
    lane.run(1.0)
    assert other not in lane.vendor.ids
    lane.lose([P0])
    lane.run(1.0)
    assert other in lane.vendor.ids


def test_nobody_of_a_leaving_partition_probes() -> None:
    lane = Virtual(Vendor(lambda arrival: TIMEOUT if arrival.at < START + 3 else None), partitions=(P0, P1))
    for user in range(20):
        lane.write(f"u{user}")
    lane.write("other", to=P1)
    lane.run(4.0)
    assert State.BREAKER is lane.lane.state
    lane.revoke([P0])
    lane.run(2.0)
    assert ["e21"] == lane.vendor.ids


def test_a_hold_in_which_nobody_is_left_to_try_lets_the_next_who_comes_try() -> None:
    lane = Virtual(Vendor(lambda arrival: TIMEOUT if arrival.at < START + 3 else None))
    for user in range(20):
        lane.write(f"u{user}")
    lane.run(1.0)
    lane.drain()
    lane.run(HOUR)
    assert State.BREAKER is lane.lane.state
    lane.assign([P0])
    assert lane.finish() < 2.0


def test_a_merge_that_is_refused_as_a_wrong_set_up_while_others_are_served_is_sent_one_by_one() -> None:
    def vendor(arrival: Arrival) -> Answer | None:
        return FORBIDDEN if arrival.operation == "write" and "e2" in arrival.ids else None

    lane = Virtual(Vendor(vendor))
    lane.write("u1", type="identify", traits={"a": 1})
    lane.write("u1", type="identify", traits={"b": 2})
    lane.write("u1", type="identify", traits={"c": 3})
    for user in range(200):
        lane.write(f"w{user}", type="identify", traits={"n": 1})
        lane.run(3.0)
    assert ({"e2": "wrong-setup"}, ["e1", "e3"]) == (lane.dead, lane.vendor.by_user["u1"])


def test_a_login_under_way_is_not_begun_a_second_time_by_a_probe() -> None:
    """The breaker trips while a token has ended and its renewal takes its time."""

    def vendor(arrival: Arrival) -> Answer | None:
        return TIMEOUT if arrival.key.startswith("sick") and arrival.at < START + 290 else None

    lane = Virtual(
        Vendor(vendor),
        account=Account(logs_in=True),
        latency=lambda one: 0.0 if one.at == START else 40.0 if one.operation == "login" else 20.0,
    )
    lane.write("first")
    lane.run(271.0)
    lane.write("begins the renewal")
    lane.run(10.0)
    for user in range(20):
        lane.write(f"sick{user}")
    lane.run(20.0)
    lane.write("waits for it")
    lane.run(7.0)
    assert State.BREAKER is lane.lane.state
    assert 2 == sum(one.operation == "login" for one in lane.vendor.arrivals)
    lane.finish()
    assert (lane.written, {}) == (lane.vendor.by_user, lane.dead)
    assert 2 == sum(one.operation == "login" for one in lane.vendor.arrivals)


def test_the_set_up_may_be_refused_in_the_mappings_own_words() -> None:
    refused = replace(DESTINATION, meaning=lambda answer: WrongSetup("wrong-account", "no such organization"))
    lane = Virtual(destination=refused)
    lane.write("u1")
    lane.write("u2")
    lane.run(MINUTE)
    assert "track is refused (wrong-account): check the set-up" == lane.lane.standing().why


@pytest.mark.parametrize("account", [True, False])
def test_an_account_over_its_limit_for_hours_gives_nobody_up_and_uses_all_that_it_may(account: bool) -> None:
    """Twice as many events come as the vendor takes a minute, for twice the retry window."""
    taken: Counter[int] = Counter()

    def vendor(arrival: Arrival) -> Answer | None:
        minute = int(arrival.at // MINUTE)
        taken[minute] += 1
        return Response(429) if taken[minute] > 5 else None

    meaning = (lambda answer: Limited(wait=MINUTE) if answer.status == 429 else None) if account else None
    policy = a_policy(integration="Model", retry_window=HOUR)
    lane = Virtual(Vendor(vendor), destination=replace(DESTINATION, meaning=meaning), policy=policy, books_every=20)
    lane.trickle(2 * HOUR, every=6.0, users=100)
    in_order = {key: lane.written[key][: len(ids)] for key, ids in lane.vendor.by_user.items()}
    assert ({}, in_order) == (lane.dead, lane.vendor.by_user)
    assert len(lane.vendor.ids) >= 5 * 110


def test_a_renewal_that_failed_holds_the_lane_once_the_token_is_over() -> None:
    def vendor(arrival: Arrival) -> Answer | None:
        refuses = arrival.operation == "login" and START + 200 < arrival.at < START + 400
        return Response(401) if refuses else None

    lane = Virtual(Vendor(vendor), account=Account(logs_in=True))
    for _ in range(29):
        lane.write("u1")
        lane.run(10.0)
    assert State.OPEN is lane.lane.state, "the renewal has failed, and the token is good"
    lane.run(11.0)
    lane.write("u1")
    lane.run(0.1)
    assert (State.LOGIN, {"held"}) == (lane.lane.state, set(lane.lane.standing().limited_by))
    lane.finish()
    assert lane.written == lane.vendor.by_user
