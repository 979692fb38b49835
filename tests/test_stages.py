"""The bench of single stages: each does the work that it is to be measured by, all of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bench.books import Account
from bench.in_memory import deliver, polls, positions
from bench.run import a_sink, books
from bench.stages import Spent, Stage, by_the_client, costs, decoding, in_the_lane, main
from bench.workload import Workload
from worker.adapters.reader import POLL_RECORDS

WORKLOAD = Workload(events=POLL_RECORDS * 3 + 100, users=50)


@contextmanager
def a_counted_sink() -> Iterator[tuple[str, list[Account]]]:
    """Its URL, and what it saw, once it has ended."""
    seen: list[Account] = []
    with a_sink(WORKLOAD, 0) as url:
        yield url, seen
        seen.append(books(url))


def test_a_poll_follows_where_the_last_one_ended() -> None:
    found, next_offsets = polls(WORKLOAD), dict.fromkeys(range(WORKLOAD.partitions), 0)
    for poll in found:
        for partition, of in poll.items():
            first = next_offsets[partition.partition]
            assert list(range(first, first + len(of))) == [record.offset for record in of]
        next_offsets |= {partition.partition: at for partition, at in positions(poll).items()}
    assert WORKLOAD.events == sum(next_offsets.values())


def test_the_runner_delivers_everything_once_and_in_order() -> None:
    spent = Spent()
    with a_counted_sink() as (url, seen):
        asyncio.run(asyncio.wait_for(deliver(WORKLOAD, url, spent), 20))
    account = seen[0]
    arrived = (account.arrived, account.requests, account.late, account.overlaps, account.duplicates)
    assert (WORKLOAD.events, WORKLOAD.events, 0, 0, 0) == arrived
    assert spent.seconds > 0


def test_the_client_sends_as_many_requests_as_it_says() -> None:
    with a_counted_sink() as (url, seen):
        asyncio.run(by_the_client(WORKLOAD.events, url, Spent()))
    assert WORKLOAD.events == seen[0].requests


def test_the_client_says_that_nobody_is_there() -> None:
    with a_sink(WORKLOAD, 0) as url:
        pass
    with pytest.raises(OSError, match="Connect call failed"):
        asyncio.run(by_the_client(WORKLOAD.events, url, Spent()))


def test_the_lane_answers_a_request_for_each_event() -> None:
    assert WORKLOAD.events == in_the_lane(WORKLOAD, Spent())


def test_only_the_work_itself_is_timed() -> None:
    calls: list[None] = []
    decoding(WORKLOAD, lambda: calls.append(None))
    assert [None, None] == calls


def test_a_stage_costs_something_in_each_run() -> None:
    found = costs(Stage.DECODE, WORKLOAD, 2)
    assert 2 == len(found)
    assert all(1e-7 < cost < 1e-3 for cost in found)


def test_a_stage_that_there_is_not_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["lanes"])
    assert "'lanes'" in capsys.readouterr().err


def test_what_a_stage_costs_is_shown_with_its_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == main(["decode", "--events", "200", "--runs", "1"])
    assert capsys.readouterr().out.startswith("decode ")
