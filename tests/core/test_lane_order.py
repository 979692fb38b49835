"""Who is sent when: one user's events one after another, different users side by side."""

from __future__ import annotations

import pytest

from tests.builders import a_policy
from tests.core.virtual import P0, P1, TIMEOUT, Answer, Arrival, Vendor, Virtual


def test_one_users_events_arrive_in_log_order_one_at_a_time() -> None:
    lane = Virtual()
    written = [lane.write("u1") for _ in range(5)]
    assert pytest.approx(0.25, abs=0.01) == lane.finish()
    assert (written, 1) == (lane.vendor.ids, lane.most_open)
    assert {("delivered", ""): 5} == lane.settled
    assert 5 == lane.committed()


def test_different_users_are_served_side_by_side() -> None:
    lane = Virtual()
    for user in range(40):
        lane.write(f"u{user}")
    assert lane.finish() < 0.1
    assert 40 == lane.most_open


def test_no_more_requests_are_open_than_allowed_and_the_oldest_event_goes_first() -> None:
    lane = Virtual(policy=a_policy(integration="Model", concurrency=3))
    written = [lane.write(f"u{user}") for user in range(9)]
    lane.finish()
    assert (3, written) == (lane.most_open, lane.vendor.ids)


def test_a_user_whose_events_are_in_two_partitions_has_one_request_open() -> None:
    lane = Virtual(partitions=(P0, P1))
    for to in (P0, P1, P0, P1):
        lane.write("u1", to=to)
    assert pytest.approx(0.2, abs=0.01) == lane.finish()
    assert 1 == lane.most_open


def test_a_failing_event_keeps_its_users_place_and_nobody_elses() -> None:
    failures = iter([TIMEOUT, TIMEOUT, None])

    def vendor(arrival: Arrival) -> Answer | None:
        return next(failures) if arrival.ids == ["e1"] else None

    lane = Virtual(Vendor(vendor))
    for user in ("u1", "u1", "u2"):
        lane.write(user)
    lane.finish()
    assert ["e3", "e1", "e2"] == lane.vendor.ids
