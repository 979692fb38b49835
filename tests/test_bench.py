"""The bench's own books: it must notice what it is there to notice."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import subprocess
import sys
import time
from pathlib import Path

import orjson
import pytest

from bench.__main__ import medians
from bench.books import Account, Books
from bench.process import Others, Watch, family
from bench.run import Figures, a_sink, books, figures
from bench.tls import make_tls
from bench.workload import Marker, Workload, records, value

USERS = 3
EVENTS = 10


def a_body(event: int, user: int = 0, place: int | None = None) -> bytes:
    return f'{{"eventval": "{Marker(event, user, event if place is None else place)}"}}'.encode()


def kept(*bodies: bytes) -> Account:
    """The account after these requests, each answered before the next."""
    account = Books(EVENTS, USERS)
    for now, body in enumerate(bodies, 1):
        user = account.arrive(body, float(now))
        if user is not None:
            account.leave(user)
    return account.account


def test_events_in_order_are_counted_once() -> None:
    size = len(a_body(0))
    account = Account(requests=3, arrived=3, bytes=3 * size, peak_open=1, first=1.0, last=3.0)
    assert account == kept(a_body(0), a_body(1), a_body(2))


def test_an_event_after_a_later_one_of_its_user_is_late() -> None:
    assert 1 == kept(a_body(0), a_body(2), a_body(1)).late


def test_users_do_not_make_each_other_late() -> None:
    assert 0 == kept(a_body(5, user=1), a_body(0, user=2), a_body(4, user=0)).late


def test_a_second_arrival_is_a_duplicate_and_not_late() -> None:
    account = kept(a_body(0), a_body(1), a_body(0))
    assert (1, 0, 2, 3, 2.0) == (account.duplicates, account.late, account.arrived, account.requests, account.last)


def test_a_user_who_fails_is_refused_and_has_not_arrived() -> None:
    account = Books(EVENTS, USERS, failing=1)
    assert [True, False] == [account.refuses(a_body(0, user=0)), account.refuses(a_body(1, user=1))]
    account.failing = 0
    assert not account.refuses(a_body(0, user=0))
    assert Account(requests=1, refused=1) == account.account


def test_two_open_requests_of_one_user_overlap() -> None:
    account = Books(EVENTS, USERS)
    account.arrive(a_body(0, user=1), 1.0)
    account.arrive(a_body(1, user=2), 1.0)
    assert (0, 2) == (account.account.overlaps, account.account.peak_open)
    account.arrive(a_body(2, user=1), 1.0)
    assert (1, 3) == (account.account.overlaps, account.account.peak_open)


@pytest.mark.parametrize("body", [b"", b"{}", b"pb-1", b"pb-" + b"x" * 30, a_body(EVENTS), a_body(0, user=USERS)])
def test_what_is_not_of_the_workload_is_unknown(body: bytes) -> None:
    assert Account(requests=1, unknown=1, first=1.0) == kept(body)


def test_what_never_came_is_missing() -> None:
    account = Books(EVENTS, USERS)
    account.arrive(a_body(3), 1.0)
    assert EVENTS - 1 == account.missing()


def test_every_record_has_its_size_and_its_users_order() -> None:
    workload = Workload(events=300, users=7)
    places: dict[bytes, int] = {}
    for event, (key, body) in enumerate(records(workload)):
        place = places.get(key, 0)
        places[key] = place + 1
        assert workload.size == len(body)
        assert str(Marker(event, int(key[5:]), place)) == orjson.loads(body)["messageId"]


@pytest.mark.parametrize(("event", "said"), [(0, "properties"), (1, "properties"), (2, "traits")])
def test_the_marker_stands_in_what_mappings_pass_on(event: int, said: str) -> None:
    marker = Marker(event, 1, 2)
    assert str(marker) == orjson.loads(value(marker, 600))[said]["marker"]


def test_a_sink_answers_and_tells_its_books() -> None:
    workload = Workload(events=EVENTS, users=USERS)
    with a_sink(workload, latency=0.02) as url:
        port = int(url.rpartition(":")[2])
        began = time.monotonic()
        assert [200, 200, 200] == asyncio.run(post(port, [a_body(0), a_body(2), a_body(1)]))
        assert time.monotonic() >= began + 3 * 0.02
        account = books(url)
    assert (3, 3, 1, 0) == (account.requests, account.arrived, account.late, account.open)


def test_a_sink_takes_requests_over_tls_and_proves_who_it_is(tmp_path: Path) -> None:
    tls = make_tls(tmp_path)
    with a_sink(Workload(events=EVENTS, users=USERS), latency=0.0, tls=tls) as url:
        trust = ssl.create_default_context(cafile=str(tls.authority))
        assert [200, 200] == asyncio.run(post(tls.port, [a_body(0), a_body(1)], trust))
        account = books(url)
    assert (2, 0) == (account.arrived, account.late)
    assert account.cpu > 0


async def post(port: int, bodies: list[bytes], trust: ssl.SSLContext | None = None) -> list[int]:
    """Over one connection, each body in two parts."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust)
    statuses = []
    for body in bodies:
        writer.write(b"POST /x HTTP/1.1\r\nhost: x\r\ncontent-length: " + str(len(body)).encode() + b"\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0)
        writer.write(body)
        head = await reader.readuntil(b"\r\n\r\n")
        statuses.append(int(head.split()[1]))
        assert {"status": "success"} == json.loads(await reader.readexactly(20))
    writer.close()
    await writer.wait_closed()
    return statuses


def test_figures_are_taken_over_the_span_of_the_work() -> None:
    begin = time.time()
    # Another process: a busy thread of this one would keep the watch from looking.
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy, Watch(busy.pid) as watch:
        time.sleep(0.4)  # the span that is measured
        busy.kill()
    account = Account(requests=101, arrived=100, duplicates=1, first=begin + 0.05, last=begin + 0.25)
    measured = figures(account, watch, events=102, others=0.25)
    assert pytest.approx(500.0) == measured.rate
    assert (1, 2, 101) == (measured.duplicates, measured.lost, measured.requests)
    assert 0 < measured.cpu < 10_000
    assert measured.memory > 10


def test_what_the_bench_itself_does_is_not_the_others() -> None:
    before, others, begin = family(), Others(), time.monotonic()
    with a_sink(Workload(events=EVENTS, users=USERS), latency=0.0) as url:
        while time.monotonic() < begin + 0.3:
            books(url)
        spent = family() - before
    assert 0.1 < spent < 0.3 * (os.cpu_count() or 1) + 1
    assert 0.0 <= others.share() <= 1.1


def test_the_table_shows_medians_but_the_worst_of_what_must_not_be() -> None:
    def a_run(rate: float, late: int) -> Figures:
        return Figures(rate, 50.0, 100.0, late, 0, 0, 0, 0, 512, 100, others=0.0)

    assert a_run(2.0, 7) == medians([a_run(1.0, 0), a_run(3.0, 7), a_run(2.0, 0)])
