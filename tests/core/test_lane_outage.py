"""A destination as a whole is down, or something stands in front of it: nothing is lost, nothing is given up."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mappings.contract import Response
from tests.core.virtual import HOUR, MINUTE, PAGE, REFUSED, START, TIMEOUT, Answer, Arrival, Script, Vendor, Virtual
from worker.core.holds.states import State


def between(began: float, ended: float, answer: Callable[[Arrival], Answer]) -> Script:
    """The vendor answers so from then to then, in seconds from the start."""

    def script(arrival: Arrival) -> Answer | None:
        return answer(arrival) if began <= arrival.at - START < ended else None

    return script


@pytest.mark.parametrize("answer", [TIMEOUT, REFUSED, Response(500), Response(502), PAGE])
@pytest.mark.parametrize("minutes", [10, 5 * 60])
def test_an_outage_dead_letters_nothing_and_all_is_delivered_after_it_in_order(answer: Answer, minutes: float) -> None:
    """Also where it lasts longer than the retry window (4 h)."""
    lane = Virtual(Vendor(between(60, 60 + minutes * MINUTE, lambda _: answer)))
    lane.trickle(MINUTE + minutes * MINUTE, every=minutes)
    assert State.BREAKER is lane.lane.state
    assert lane.finish() <= 2 * MINUTE
    assert (lane.written, {}) == (lane.vendor.by_user, lane.dead)
    assert {("delivered", ""): sum(map(len, lane.written.values()))} == lane.settled


def test_another_lanes_deliveries_go_on_during_an_outage() -> None:
    down = Virtual(Vendor(between(0, 10 * MINUTE, lambda _: TIMEOUT)))
    up = Virtual()
    for second in range(600):
        for lane in (down, up):
            lane.write(f"u{second % 50}")
            lane.run(1.0)
    assert ([], up.made) == (down.vendor.ids, len(up.vendor.ids))
    assert max(one.at - START - at for at, one in enumerate(up.vendor.accepted)) < 1.0
    down.finish()
    assert (down.written, {}) == (down.vendor.by_user, down.dead)


def test_a_page_in_front_of_the_vendor_for_an_hour_delivers_nothing_and_loses_nothing() -> None:
    lane = Virtual(Vendor(between(0, HOUR, lambda _: PAGE)))
    lane.trickle(HOUR, every=5.0)
    assert ([], {}, {}) == (lane.vendor.ids, lane.settled, lane.dead)
    assert (State.BREAKER, {"held"}) == (lane.lane.state, set(lane.lane.standing().limited_by))
    assert len(lane.vendor.arrivals) < 720 + 100  # a probe a minute, once it holds
    lane.finish()
    assert (lane.written, {}) == (lane.vendor.by_user, lane.dead)


def test_a_two_second_refusal_with_400_requests_open_costs_nobody_an_event() -> None:
    """They were all sent before the first of them was heard: one thing was said, not 400."""
    lane = Virtual(Vendor(between(0.0, 2.0, lambda _: Response(403))), books_every=20)
    for user in range(400):
        lane.write(f"u{user}")
    lane.run(0.06)
    assert (400, State.OPEN) == (lane.most_open, lane.lane.state)
    assert lane.finish() < 2 * MINUTE
    assert (lane.written, {}) == (lane.vendor.by_user, lane.dead)


def test_a_gateway_that_refuses_what_was_open_and_nothing_after_it_holds_nobody() -> None:
    lane = Virtual(Vendor(between(0.0, 0.01, lambda _: Response(403))), books_every=20)
    for user in range(400):
        lane.write(f"u{user}")
    assert lane.finish() < 60.0, "400 retries, 10 a second, as there are no other requests"
    assert ([], lane.written) == ([one for one in lane.notes if "→" in one], lane.vendor.by_user)


def test_an_outage_is_counted_as_held_time() -> None:
    lane = Virtual(Vendor(between(0, HOUR, lambda _: TIMEOUT)))
    for user in range(20):
        lane.write(f"u{user}")
    lane.finish(2 * HOUR)
    assert pytest.approx(HOUR, abs=MINUTE) == lane.lane.tally.held_seconds["breaker"]
    assert ["open → breaker", "breaker → slow start"] == [one for one in lane.notes if "→" in one]


def test_eight_hours_of_outage_with_restarts_give_nobody_up() -> None:
    down = between(10 * MINUTE, 8 * HOUR + 10 * MINUTE, lambda _: TIMEOUT)
    lane = Virtual(Vendor(down), books_every=1000)
    written = lane.trickle(10 * MINUTE, every=20.0)
    while lane.now < START + 8 * HOUR + 10 * MINUTE:
        written += lane.trickle(HOUR, every=5 * MINUTE)
        lane.crash()
    lane.finish()
    assert ({}, set(written)) == (lane.dead, set(lane.vendor.ids))
    assert lane.written == {user: list(dict.fromkeys(ids)) for user, ids in lane.vendor.by_user.items()}
