"""The promises of docs/design.md that one lane keeps, each under the faults that could break it.

Those that take a whole process are in tests/whole/test_promises.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from random import Random

import pytest

from mappings.contract import Response
from tests.builders import a_policy
from tests.core.virtual import HOUR, MINUTE, P0, P1, START, TIMEOUT, Answer, Arrival, Said, Vendor, Virtual
from worker.core.policy import Policy

SEEDS = range(12)


def model(**fields: object) -> Policy:
    return a_policy(integration="Model", **fields)


class Weather:
    """A vendor that fails, refuses, limits and hangs, by a seed."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def __call__(self, _arrival: Arrival) -> Answer | None:
        luck = self._random.random()
        if luck < 0.1:
            return TIMEOUT
        if luck < 0.2:
            return Response(503)
        if luck < 0.23:
            return Response(429, {"retry-after": "1"})
        return Response(403) if luck < 0.25 else None


def tortured(seed: int) -> Virtual:
    """Bad weather, crashes, lost partitions, clean moves, refused commits and dead letters; then all is well."""
    random = Random(seed)
    lane = Virtual(Vendor(Weather(seed)), partitions=(P0, P1), latency=0.2, books_every=5)
    lane.broker = lambda produce, now: Said(ok=random.random() < 0.7)
    lane.commit_error = lambda now: "RebalanceInProgressError" if random.random() < 0.3 else None
    for _ in range(120):
        user = f"u{random.randrange(12)}"
        lane.write(user, to=P0 if int(user[1:]) % 2 else P1)
        lane.run(random.choice([0.0, 0.1, 0.3, 2.0]))
        match random.randrange(15):
            case 0:
                lane.crash()
            case 1:
                lane.lose([P0])
                lane.assign([P0])
            case 2:
                lane.drain([P1], within=random.choice([0.1, 45.0]))
                lane.assign([P1])
    lane.vendor.script = lambda _: None
    lane.broker = lambda produce, now: Said()
    lane.commit_error = lambda now: None
    lane.finish(6 * HOUR)
    return lane


def is_rewound(ids: Iterable[str], log: list[str]) -> bool:
    """Do arrivals read like the log, rewound perhaps, never skipping?"""
    reached = -1
    for one in ids:
        if log.index(one) > reached + 1:
            return False
        reached = log.index(one)
    return reached == len(log) - 1


@pytest.mark.parametrize("seed", SEEDS)
def test_promise_1_nothing_is_lost(seed: int) -> None:
    lane = tortured(seed)
    written = {one for ids in lane.written.values() for one in ids}
    assert written == set(lane.vendor.ids) | set(lane.dead)
    assert {P0: lane.kafka.ends[P0], P1: lane.kafka.ends[P1]} == {one: lane.committed(one) for one in (P0, P1)}


@pytest.mark.parametrize("seed", SEEDS)
def test_promise_2_order_is_kept_through_retries_rebalances_and_restarts(seed: int) -> None:
    lane = tortured(seed)
    assert {} == lane.dead
    came = lane.vendor.by_user
    assert [] == [user for user, log in lane.written.items() if not is_rewound(came[user], log)]


def test_promise_4_repeats_are_few_and_each_is_counted() -> None:
    lane = Virtual(Vendor(lambda one: TIMEOUT if one.key == "sick" and one.at < START + 20 else None), latency=0.1)
    lane.write("sick")
    for number in range(200):
        lane.write(f"u{number}")
        lane.run(0.05)
    lane.run(2.0)
    lane.drain()
    lane.assign([P0])
    lane.run(1.0)
    assert {1} == set(Counter(one for one in lane.vendor.ids).values()), "a clean stop repeats nothing"
    for number in range(200, 300):
        lane.write(f"u{number}")
        lane.run(0.05)
    at_risk = lane.lane.standing().at_risk
    before = set(lane.vendor.ids)
    lane.crash()
    lane.finish()
    again = [one for one, times in Counter(lane.vendor.ids).items() if times > 1]
    assert 0 < len(again) <= at_risk + lane.lane.tally.possibly_repeated["unknown outcome"]
    assert set(again) <= before
    assert lane.lane.tally.possibly_repeated["crash"] >= len(again)


def test_promise_5_a_poison_event_never_blocks() -> None:
    lane = Virtual(Vendor(lambda one: Response(500) if one.key == "sick" else None), books_every=10)
    lane.write("sick")
    others = lane.trickle(4 * HOUR + 10 * MINUTE, every=60.0)
    times = {one.id: one.at for one in lane.vendor.accepted}
    late = [one for one in others if times[one] - START > 60.0 * (others.index(one) + 1)]
    assert ([], {"e1": "retries-exhausted"}) == (late, lane.dead)


@pytest.mark.parametrize(
    "answer",
    [TIMEOUT, Response(500), Response(401), Response(403), Response(429), Response(302), Response(400)],
    ids=lambda answer: str(getattr(answer, "status", "no answer")),
)
def test_promise_6_an_outage_never_dead_letters(answer: Answer) -> None:
    lane = Virtual(
        Vendor(lambda one: answer if one.at < START + 5 * HOUR else None),
        policy=model(reject_guard=5),
        books_every=100,
    )
    for number in range(100):
        lane.write(f"u{number}")
    for _ in range(5):
        lane.run(HOUR)
        lane.crash()
    lane.finish(2 * HOUR)
    refused = 4 * 6 if answer == Response(400) else 0  # the reject guard lets a few be refused after each start
    assert len(lane.dead) <= refused
    assert 100 == len(set(lane.vendor.ids) | set(lane.dead))


def test_promise_7_memory_is_bounded_whatever_the_topic_holds_and_however_slow_the_destination_is() -> None:
    lane = Virtual(latency=30.0, policy=model(buffer_events=1_000, concurrency=10), books_every=1_000)
    for number in range(20_000):
        lane.append(lane.a_message(f"u{number % 3_000}", traits={"text": "x" * 500}))
    lane.run(MINUTE)
    assert sum(lane.lane.standing().pending.values()) <= 1_000
    waiting = sum(len(one.backlog) for one in lane.lane._intake.assignments.values())
    assert waiting <= 500, "one poll"
    assert lane.lane.paused() == {P0}


@pytest.mark.parametrize("seed", SEEDS)
def test_promise_8_every_wait_has_a_name(seed: int) -> None:
    lane = tortured(seed)  # fails on a wait without one: tests/core/virtual.py
    assert {"idle"} == set(lane.lane.standing().limited_by)


@pytest.mark.parametrize("seed", SEEDS)
def test_promise_11_the_books_balance_at_every_moment(seed: int) -> None:
    lane = tortured(seed)  # looks at them after every few inputs: tests/core/virtual.py
    tally = lane.lane.tally
    assert sum(tally.consumed.values()) == sum(tally.settled.values()) + tally.released
