"""The latency bench: what it writes is what was meant, and its figures are what was stamped."""

from __future__ import annotations

import asyncio
import struct
import time
from array import array
from collections import Counter

import pytest
from kafka.record.memory_records import MemoryRecords

from bench.latency import Way, middle, percentile
from bench.open_loop import TICK, Arrivals, Plan, writes
from bench.stamps import Sink, event_of
from bench.workload import Marker, value

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
    async def ask(stamps: array[float]) -> list[float]:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Sink(stamps), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        found = []
        for event in (2, 2):
            body = value(Marker(event, 1, 0), 300)
            writer.write(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
            await reader.readuntil(b"}")
            found.append(stamps[2])
        writer.close()
        server.close()
        return found

    begin = time.time()
    stamps = array("d", bytes(8 * 4))
    first, second = asyncio.run(ask(stamps))
    assert begin <= first <= time.time()
    assert (first, [0.0, 0.0, first, 0.0]) == (second, [*stamps])
