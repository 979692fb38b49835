"""What of a round counts as a fault, and what as a cause."""

from __future__ import annotations

from tests.torture.judge import Came, Incident, Repeat, Verdict
from tests.torture.round import _fences, _violations, weighed


def test_the_gravest_incident_comes_first_and_what_repeats_nothing_is_left_out() -> None:
    found = [Incident(cause, 0, 9) for cause in ("join", "dead letters refused", "broker", "crash")]
    assert ["crash", "broker", "join"] == [each.cause for each in weighed(found)]


def test_a_fence_is_a_fault_unless_a_broker_was_killed_before() -> None:
    broker = [Incident("broker", 10, 20)]
    assert ["late"] == list(_fences([(15, "at once"), (21, "late")], broker))
    assert ["at once"] == list(_fences([(15, "at once")], [Incident("crash", 10, 20)]))


def test_a_clean_stop_may_repeat_nothing_but_where_flows_may_be_long() -> None:
    repeat = Repeat(Came("u1", 3, 1.0), Came("u1", 3, 2.0), "stop")
    verdict = Verdict(events=4, letters=0, repeated=(repeat,))
    assert [f"wigzo: {repeat}"] == list(_violations({"wigzo": verdict, "wootric": verdict}))
