"""The latency bench: what it writes is what was meant, and its figures are what was stamped."""

from __future__ import annotations

import asyncio
import struct
import time
from collections import Counter

import pytest
from kafka.record.memory_records import MemoryRecords

from bench.books import Books
from bench.delays import delays, percentile
from bench.latency import Way, middle
from bench.open_loop import TICK, Arrivals, Plan, writes
from bench.paced import WARM, row
from bench.run import a_sink, stamps
from bench.stamps import event_of
from bench.workload import Marker, Workload, value
from tests.test_bench import post

PLAN = Plan(rate=2000, seconds=0.5, users=50, partitions=4)
# The request's length, kind, version, correlation, client; transaction, acknowledgements, timeout, one topic's name.
BEFORE_THE_NAME = struct.calcsize(">ihhih") + struct.calcsize(">hhii")


def records(request: bytes, topic: str) -> list[tuple[int, bytes, bytes]]:
    """Partition, key and value of each, as a broker would read them."""
    at = BEFORE_THE_NAME
    assert (len(request) - 4, len(topic)) == (
        *struct.unpack_from(">i", request),
        *struct.unpack_from(">h", request, at),
    )
    at += 2 + len(topic)
    (count,) = struct.unpack_from(">i", request, at)
    at, found = at + 4, []
    for _ in range(count):
        partition, size = struct.unpack_from(">ii", request, at)
        batch = MemoryRecords(request[at + 8 : at + 8 + size]).next_batch()
        assert batch.validate_crc()
        found += [(partition, record.key, record.value) for record in batch]
        at += 8 + size
    assert at == len(request)
    return found


def test_each_event_is_written_once_at_its_moment_to_its_users_partition_in_order() -> None:
    written = [(tick, *each) for tick, request in writes(PLAN, "t") for each in records(request, "t")]
    moments = {event_of(body): tick for tick, _, _, body in written}
    assert dict(enumerate(PLAN.moments())) == moments
    assert len(written) == len(moments)
    seen: dict[bytes, int] = {}
    for _, partition, key, body in written:
        event, user, place = (int(part) for part in body[body.index(b"pb-") + 3 :][:25].split(b"-"))
        assert (user % 4, f"user-{user:07}".encode(), seen.get(key, 0)) == (partition, key, place)
        seen[key] = place + 1
        assert value(Marker(event, user, place), PLAN.size) == body


@pytest.mark.parametrize(("arrivals", "most"), [("even", 1), ("poisson", 10)])
def test_moments_come_evenly_or_by_chance_at_the_rate_that_was_asked_for(arrivals: Arrivals, most: int) -> None:
    moments = Plan(rate=500, seconds=4.0, arrivals=arrivals).moments()
    assert 2000 == pytest.approx(len(moments), abs=0 if arrivals == "even" else 200)
    assert moments == sorted(moments)
    assert moments[-1] * TICK < 4.0
    in_one = max(Counter(moments).values())
    assert (1 if arrivals == "even" else 2) <= in_one <= most


def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed() -> None:
    values = [float(number) for number in range(1, 101)]
    assert [50.0, 90.0, 99.0, 100.0, 100.0] == [percentile(values, share) for share in (0.5, 0.9, 0.99, 0.999, 1.0)]
    assert 7.0 == percentile([7.0], 0.5)


def test_of_several_runs_each_percentile_has_its_own_median() -> None:
    runs = [Way(latencies, [0.0], 0, 1.0) for latencies in ([1.0, 9.0], [2.0, 7.0], [3.0, 8.0])]
    assert [2.0, 8.0, 8.0, 8.0, 8.0] == middle(runs)


def test_an_event_is_stamped_when_it_comes_first() -> None:
    books = Books(4, 2)
    for now, event in ((5.0, 2), (6.0, 2), (7.0, 1)):
        books.arrive(value(Marker(event, 1, event), 300), now)
    assert [0.0, 7.0, 5.0, 0.0] == [*books.stamps]


def test_a_sink_tells_when_each_event_came() -> None:
    begin = time.time()
    with a_sink(Workload(events=3, users=2), latency=0.0) as url:
        asyncio.run(post(int(url.rpartition(":")[2]), [value(Marker(1, 1, 0), 300)]))
        never, came, later = stamps(url)
    assert begin <= came <= time.time()
    assert (0.0, 0.0) == (never, later)


def test_delays_are_of_those_who_are_asked_about_from_the_moment_that_was_meant() -> None:
    plan = Plan(rate=4, seconds=2.0, arrivals="even", users=2)
    whose, begin = [user for user, _ in zip(plan.speakers(), range(7), strict=False)], 100.0
    came = [begin + tick * TICK + 1.0 + user for user, tick in zip(whose, plan.moments(), strict=True)]
    came[6] = 0.0
    later = [user for user, tick in zip(whose, plan.moments(), strict=True) if tick * TICK >= 1.0]
    assert [0.25, 1.75] == [plan.moments()[0] * TICK, plan.moments()[6] * TICK]
    for user in (0, 1):
        counted = later.count(user)
        missing = int(later[-1] == user)
        found = delays(plan, begin, 1.0, came, lambda one, user=user: one == user)  # type: ignore[misc]
        assert (counted, missing) == (found.events, found.missing)
        assert [pytest.approx(1.0 + user)] * (counted - missing) == [*found.seconds]


def test_a_row_tells_what_was_meant_and_what_came_in_the_counted_time() -> None:
    plan = Plan(rate=100, seconds=WARM + 10, arrivals="even", users=20)
    in_time = [tick * TICK + 0.05 for tick in plan.moments()]
    assert row(plan, 0.0, in_time, lambda _: True).split() == ["100", "100", "50.0", "50.0", "50.0", "0"]
    too_late = [at if at < WARM + 5 else 99.0 for at in in_time]
    assert ["100", "50"] == row(plan, 0.0, too_late, lambda _: True).split()[:2]
