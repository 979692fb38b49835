"""What arrived, and how much of it is kept."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.calls import NOW
from worker.sandbox.exchange import Call, Heard
from worker.sandbox.record import Arrival, Record


def a_call(user: str = "u1", **fields: Any) -> Heard:
    call = Call("POST", "/rest/v1/learn/event", [("org_token", "secret"), ("x", "y")])
    return Heard(
        call, **({"destination": "wigzo", "operation": "learn/event", "user": user, "body": {"a": 1}} | fields)
    )


def arrive(record: Record, *users: str) -> list[Arrival]:
    return [record.arrive(a_call(user), NOW) for user in users]


def test_an_arrival_says_all_but_secrets() -> None:
    arrival = Record().arrive(a_call(), NOW)
    assert arrival == Arrival(
        number=1,
        time=NOW,
        destination="wigzo",
        operation="learn/event",
        user="u1",
        method="POST",
        path="/rest/v1/learn/event",
        query=[("x", "y")],
        body={"a": 1},
        overlap=0,
    )


def test_a_call_that_comes_while_another_of_its_user_is_open_overlaps() -> None:
    record = Record()
    first, *_ = arrivals = arrive(record, "u1", "u1", "u2", "u1")
    assert [0, 1, 0, 2] == [arrival.overlap for arrival in arrivals]
    record.leave(first)
    assert 2 == arrive(record, "u1")[0].overlap


def test_users_of_two_destinations_do_not_overlap() -> None:
    record = Record()
    arrive(record, "u1")
    assert 0 == record.arrive(a_call(destination="wootric"), NOW).overlap


def test_nobody_overlaps_with_nobody() -> None:
    assert [0, 0] == [arrival.overlap for arrival in arrive(Record(), "", "")]


def test_arrivals_are_asked_for_by_destination_user_and_number() -> None:
    record = Record()
    arrive(record, "u1", "u2")
    record.arrive(a_call("u1", destination="wootric"), NOW)
    arrive(record, "u1")
    asked: list[tuple[list[int], Any]] = [
        ([1, 2, 3, 4], record.arrivals()),
        ([1, 2, 4], record.arrivals("wigzo")),
        ([1, 3, 4], record.arrivals(user="u1")),
        ([4], record.arrivals("wigzo", user="u1", since=1)),
        ([], record.arrivals(since=4)),
    ]
    assert [expected for expected, _ in asked] == [[arrival.number for arrival in found] for _, found in asked]


def test_counts_tell_how_calls_were_answered() -> None:
    record = Record()
    good, bad, cut, _ = arrive(record, "u1", "u2", "u3", "u3")
    good.status, good.accepted = 200, True
    bad.status = 503
    for arrival in (good, bad, cut):
        record.leave(arrival)
    assert {
        "arrived": 4,
        "open": 1,
        "accepted": {"wigzo": 1},
        "overlaps": {"wigzo": 1},
        "answered": [
            {"destination": "wigzo", "operation": "learn/event", "status": "200", "calls": 1},
            {"destination": "wigzo", "operation": "learn/event", "status": "503", "calls": 1},
            {"destination": "wigzo", "operation": "learn/event", "status": "none", "calls": 1},
        ],
    } == record.counts()


def test_after_a_reset_numbers_go_on_and_what_was_open_is_not_counted() -> None:
    record = Record()
    hanging, _ = arrive(record, "u1", "u2")
    record.reset()
    (later,) = arrive(record, "u1")
    record.leave(hanging)
    assert (3, 1) == (later.number, later.overlap)
    assert ([3], [3], []) == (
        [arrival.number for arrival in record.arrivals()],
        [arrival.number for arrival in record.arrivals(since=2)],
        record.counts()["answered"],
    )
    assert 1 == record.counts()["arrived"]


@pytest.mark.parametrize("keep", [True, False])
def test_counters_do_without_the_arrivals(keep: bool) -> None:
    record = Record(keep=keep)
    for arrival in arrive(record, "u1", "u1"):
        record.leave(arrival)
    assert (2 if keep else 0, 2, 1) == (
        len(list(record.arrivals())),
        record.counts()["arrived"],
        record.counts()["overlaps"]["wigzo"],
    )
