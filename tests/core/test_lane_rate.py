"""A vendor's published limit on whole lanes, in virtual time: one worker, and several on their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from random import Random

import pytest

from mappings import wootric
from mappings.contract import Response
from mappings.wootric.settings import Account as WootricAccount
from tests.builders import a_policy
from tests.core.virtual import MINUTE, P0, P1, START, TIMEOUT, Answer, Arrival, Vendor, Virtual, well
from tests.simulation.destination import Account
from tests.simulation.kafka import Kafka
from worker.core.faults import Fault, FaultKind
from worker.core.holds.states import State
from worker.core.policy import Policy
from worker.core.rate import Rate
from worker.core.records import TopicPartition
from worker.sandbox import wootric as wootric_stand_in
from worker.sandbox.limits import Limit
from worker.sandbox.vendors import Vendors

A_HUNDRED = Rate(100, 60.0)
SLOT = A_HUNDRED.slot
WOOTRIC = WootricAccount(
    account_token=wootric_stand_in.Account().account_token,
    client_id=wootric_stand_in.Account().client_id,
    client_secret=wootric_stand_in.Account().client_secret,
)
PARTITIONS = [TopicPartition("events", number) for number in range(12)]
WITHHELD = Fault(FaultKind.WITHHELD, written=False)
STEP = 0.02  # seconds in which the workers live one after another


def paced(rate: Rate = A_HUNDRED, name: str = "Model") -> Policy:
    return a_policy(integration=name, rate=rate)


def limits(lane: Virtual) -> set[str]:
    return set(lane.lane.standing().limited_by)


@dataclass
class Fleet:
    """Several workers of one group at one vendor. Each has its own clock's error, in seconds."""

    vendors: Vendors
    workers: list[Virtual]
    answers: list[tuple[float, int]]

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / STEP)):
            for worker in self.workers:
                worker.run(STEP)

    def move(self, partition: TopicPartition, to: Virtual) -> None:
        """A rebalance: in order, but for what is under way, which is cut."""
        for worker in self.workers:
            if partition in worker.positions:
                worker.revoke([partition])
                worker.release([partition])
        to.assign([partition])

    def refused(self) -> list[float]:
        return [at for at, status in self.answers if status == 429]

    def answered(self, since: float, until: float) -> int:
        return sum(since <= at < until for at, status in self.answers if status != 429)


def a_fleet(workers: int, window: str, policy: Policy | None = None) -> Fleet:
    vendors = Vendors(keep=True)
    vendors.limits = {"wootric": Limit(100, 60.0, window)}  # type: ignore[arg-type]  # a parameter's text
    kafka, answers = Kafka(), list[tuple[float, int]]()

    def hear(error: float, arrival: Arrival) -> Response:
        request, at = arrival.send.request, arrival.at - error
        said = vendors.exchange(replace(request, headers={**request.headers, **arrival.send.headers}), at)
        answers.append((at, said.status))
        return said

    fleet = [
        Virtual(
            partial(hear, number * 0.3),
            destination=wootric.DESTINATION,
            account=WOOTRIC,
            policy=policy or paced(name="Wootric"),
            partitions=(),
            kafka=kafka,
            books_every=200,
        )
        for number in range(workers)
    ]
    for number, worker in enumerate(fleet):
        worker.now += number * 0.3
    for partition in PARTITIONS:
        kafka.add(partition)
    for number, worker in enumerate(fleet):
        worker.assign(PARTITIONS[number::workers])
    return Fleet(vendors, fleet, answers)


def write(fleet: Fleet, users: int) -> None:
    """So many people that the vendor does not know: a look-up and a creation for each, and a login for each worker."""
    for user in range(users):
        one = f"u{user}"
        fleet.workers[0].write(
            one, to=PARTITIONS[user % 12], type="identify", traits={"email": f"{one}@example.com", "n": user}
        )


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("window", ["fixed", "sliding"])
def test_a_vendor_that_allows_a_hundred_a_minute_refuses_nothing_and_is_used_to_nine_tenths(
    workers: int, window: str
) -> None:
    fleet = a_fleet(workers, window)
    write(fleet, 400)
    fleet.run(4 * MINUTE)
    assert [] == fleet.refused()
    assert 3 * 95 - workers <= fleet.answered(START + MINUTE, START + 4 * MINUTE) <= 300


def test_without_a_rate_it_refuses_again_and_again() -> None:
    """So the stand-in does limit; each worker finds that out by itself."""
    fleet = a_fleet(2, "sliding", policy=a_policy(integration="Wootric"))
    write(fleet, 400)
    fleet.run(4 * MINUTE)
    assert len(fleet.refused()) > 100


def test_it_refuses_nothing_while_partitions_move_from_worker_to_worker() -> None:
    fleet, random = a_fleet(4, "sliding"), Random(7)
    write(fleet, 600)
    for _ in range(40):
        fleet.run(6.0)
        for partition in random.sample(PARTITIONS, random.choice([1, 3, 12])):
            fleet.move(partition, random.choice(fleet.workers))
    assert [] == fleet.refused()
    assert 0.85 * 4 * 100 <= fleet.answered(START, START + 4 * MINUTE)


def a_lane(vendor: Vendor | Callable[[Arrival], Answer] | None = None, **options: object) -> Virtual:
    return Virtual(vendor, policy=paced(), **options)  # type: ignore[arg-type]  # whatever a test gives


def times_of(lane: Virtual) -> list[float]:
    return [arrival.at for arrival in lane.vendor.arrivals]


def assert_spaced(times: list[float]) -> None:
    for begin in times:
        assert sum(begin <= at < begin + 60.0 - 1e-6 for at in times) <= 100


def test_who_waits_longest_goes_first() -> None:
    lane = a_lane()
    written = [lane.write(f"u{number}") for number in range(50)]
    lane.finish()
    assert written == lane.vendor.ids


def test_what_waits_is_merged() -> None:
    """One look-up and one write for all that came while somebody else's turn was waited for."""
    lane = a_lane()
    for number in range(10):
        lane.write("u1", type="identify", traits={f"p{number}": number})
    lane.finish()
    assert (10, 2) == (len(lane.vendor.ids), len(lane.vendor.arrivals))


def test_the_rate_is_told_as_what_limits_for_as_long_as_somebody_waits_for_it() -> None:
    lane = a_lane()
    lane.run(5.0)
    assert {"idle"} == limits(lane)
    for number in range(30):
        lane.write(f"u{number}")
    lane.run(5.0)
    assert {"rate"} == limits(lane)
    lane.finish()
    assert {"idle"} == limits(lane)


def test_a_destination_without_a_rate_never_waits_for_one() -> None:
    lane = Virtual()
    for number in range(30):
        lane.write(f"u{number}")
    lane.run(0.01)
    assert 30 == len(lane.vendor.arrivals)


def test_retries_count() -> None:
    lane = a_lane(Vendor(lambda arrival: Response(503) if arrival.at < START + 10 * MINUTE else None))
    for number in range(40):
        lane.write(f"u{number}")
    lane.run(20 * MINUTE)
    assert 40 == len(lane.vendor.ids)
    assert len(lane.vendor.arrivals) > 40
    assert_spaced(times_of(lane))


def test_logins_and_probes_count() -> None:
    """While it holds as well: a wait for the rate has a name besides the hold's."""
    slow = Rate(1, 60.0)
    lane = Virtual(Vendor(lambda _: TIMEOUT), policy=paced(slow), account=Account(logs_in=True))
    lane.write("u1")
    lane.run(5 * MINUTE)
    assert State.LOGIN is lane.lane.state
    assert {"login"} == {arrival.operation for arrival in lane.vendor.arrivals}
    assert {"held", "rate"} == limits(lane)
    times = times_of(lane)
    assert 4 <= len(times)
    assert all(at - before >= 60.0 for before, at in pairwise(times))


def test_a_flow_that_holds_its_turn_goes_on_in_the_next_slot() -> None:
    lane = a_lane(account=Account(logs_in=True))
    lane.write("u1", type="identify", traits={"a": 1})
    lane.run(0.05)
    lane.run(3 * SLOT)
    assert ["login", "look-up", "write"] == [arrival.operation for arrival in lane.vendor.arrivals]
    assert [pytest.approx(SLOT, abs=0.05)] * 2 == [at - before for before, at in pairwise(times_of(lane))]


def test_two_requests_of_a_login_wait_for_two_slots_and_the_wait_between_has_a_name() -> None:
    lane = a_lane(account=Account(logs_in=True))
    lane.write("u1")
    assert lane.run(2.0, until=lambda: len(lane.vendor.arrivals) == 1)
    lane.run(0.06)
    assert {"rate"} == limits(lane)


def test_a_login_that_was_not_written_waits_for_the_next_slot_by_name() -> None:
    lane = a_lane(Vendor(lambda arrival: WITHHELD if arrival.at < START + 1.0 else None), account=Account(logs_in=True))
    lane.write("u1")
    assert lane.run(1.0, until=lambda: len(lane.vendor.arrivals) == 1)
    lane.run(0.1)
    assert {"rate"} == limits(lane)
    lane.finish()


def test_a_probe_that_goes_on_waits_for_the_next_slot_by_name() -> None:
    """The refused operation is its second request."""
    refused = Vendor(lambda arrival: Response(403) if arrival.operation == "write" else None)
    lane = a_lane(refused)
    for number in range(10):
        lane.write(f"u{number}", type="identify", traits={"a": 1})
    assert lane.run(
        MINUTE, until=lambda: lane.lane.state is State.SETUP and lane.vendor.arrivals[-1].operation == "look-up"
    )
    lane.run(0.1)
    assert {"held", "rate"} == limits(lane)
    lane.vendor.script = well
    lane.finish()


def test_a_partition_that_is_lost_takes_its_share_along() -> None:
    kafka = Kafka()
    lane = Virtual(policy=paced(), partitions=(P0, P1), kafka=kafka)
    for number in range(300):
        lane.write(f"u{number}", to=P0)
    lane.run(MINUTE)
    before = len(lane.vendor.arrivals)
    lane.lose([P1])
    lane.run(MINUTE)
    assert 94 <= before <= 96
    assert 46 <= len(lane.vendor.arrivals) - before <= 49


def test_a_slot_goes_at_once_with_its_partition_not_only_when_the_share_is_said_again() -> None:
    """Two partitions, one slot each in turn: of two moments half a minute apart, one belongs to what was lost."""
    rate, at_once = Rate(2, 60.0), 0
    for turn in range(2):
        lane = Virtual(policy=paced(rate), partitions=(P0, P1))
        lane.run((START // rate.slot + 2 + turn) * rate.slot + 0.5 - START)
        lane.lose([P1])
        lane.write("u1", to=P0)
        lane.run(0.0)
        at_once += len(lane.vendor.arrivals)
    assert 1 == at_once


def test_where_nobody_is_ready_a_slot_waits_for_nobody() -> None:
    """The events that need no request cost nothing, and do not wait behind one another."""
    lane = a_lane()
    for number in range(20):
        lane.write(f"u{number}", properties={"nothing": True})
    lane.run(2 * SLOT)
    assert ({("skipped", "nothing-to-send"): 20}, []) == (lane.settled, lane.vendor.arrivals)
