"""When a member joins anew of its own accord."""

from __future__ import annotations

import itertools

from worker.adapters.rejoining import LONGEST, Rejoining


def suspicions(
    rejoining: Rejoining, times: range, *, owned: int = 1, rounds: int = 1, unassigned: int = 0
) -> list[int]:
    return [now for now in times if rejoining.suspects(float(now), owned=owned, rounds=rounds, unassigned=unassigned)]


def test_a_member_with_partitions_in_a_complete_group_stays() -> None:
    assert suspicions(Rejoining(10), range(1000)) == []


def test_a_member_without_partitions_asks_ever_more_seldom() -> None:
    asked = suspicions(Rejoining(10), range(2000), owned=0)
    assert asked[:5] == [10, 30, 70, 150, 310]
    assert {after - before for before, after in itertools.pairwise(asked[4:])} == {int(LONGEST)}


def test_a_member_that_had_partitions_meanwhile_asks_soon_again() -> None:
    rejoining = Rejoining(10)
    assert suspicions(rejoining, range(100), owned=0) == [10, 30, 70]
    assert suspicions(rejoining, range(100, 101)) == []
    assert suspicions(rejoining, range(101, 120), owned=0) == [111]


def test_a_leader_waits_for_the_round_that_must_follow_an_incomplete_one() -> None:
    rejoining = Rejoining(10)
    assert suspicions(rejoining, range(8), unassigned=2) == []
    assert suspicions(rejoining, range(8, 17), rounds=2, unassigned=1) == []
    assert suspicions(rejoining, range(17, 30), rounds=2, unassigned=1) == [18, 28]


def test_a_complete_round_puts_the_leader_at_ease() -> None:
    rejoining = Rejoining(10)
    assert suspicions(rejoining, range(5), unassigned=2) == []
    assert suspicions(rejoining, range(5, 100), rounds=2) == []
