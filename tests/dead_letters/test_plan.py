"""What a replay would do."""

from __future__ import annotations

from tests.builders import ARecord, a_message, a_policy
from tests.dead_letters.letters import a_letter
from worker.core.policy import Policy
from worker.dead_letters.letter import Place, letter_of
from worker.dead_letters.plan import Plan

NOW = 1_795_000_000.0


def planned(
    *letters: ARecord, replayed: frozenset[Place] = frozenset(), again: bool = False, policy: Policy | None = None
) -> Plan:
    plan = Plan(policy or a_policy(), replayed, again, NOW)
    for record in letters:
        plan.add(record, letter_of(record))
    return plan


def test_what_is_replayed_is_told_by_reason() -> None:
    plan = planned(a_letter(offset=1), a_letter(offset=2), a_letter(offset=3, reason="bug"))
    assert ["3 dead letters to replay: 2 refused, 1 bug"] == list(plan.lines())
    assert {Place(2, 1), Place(2, 2), Place(2, 3)} == plan.chosen


def test_what_was_replayed_before_is_left_out_unless_it_is_wanted_again() -> None:
    before = frozenset({Place(2, 1)})
    letters = a_letter(offset=1), a_letter(offset=2)
    plan = planned(*letters, replayed=before)
    assert [
        "1 dead letter to replay: 1 refused",
        "1 dead letter left out: replayed before (--again replays them once more)",
    ] == list(plan.lines())
    assert {Place(2, 2)} == plan.chosen
    assert {Place(2, 1), Place(2, 2)} == planned(*letters, replayed=before, again=True).chosen


def test_what_has_no_value_cannot_be_replayed() -> None:
    plan = planned(a_letter(None, value="too-large"))
    why = "too large for the topic of dead letters, so the value is not there (`show` says where the event was)"
    assert ["0 dead letters to replay", f"1 dead letter left out: {why}"] == list(plan.lines())
    assert set() == plan.chosen


def test_what_the_destination_would_not_send_is_told_before() -> None:
    plan = planned(
        a_letter({"batch": [a_message(), a_message(type="page")]}),
        a_letter(b"no json", offset=18),
        policy=a_policy(max_age=3600.0, types=frozenset({"track"})),
    )
    assert [
        "2 dead letters to replay: 2 refused",
        "1 of their events will not be sent: too-old by this destination's settings",
        "1 of their events will not be sent: type by this destination's settings",
    ] == list(plan.lines())


def test_reading_begins_at_each_partitions_first() -> None:
    letters = [a_letter(partition=partition, offset=offset) for partition, offset in ((0, 5), (0, 3), (1, 9))]
    assert {0: 3, 1: 9} == planned(*letters).begins()
