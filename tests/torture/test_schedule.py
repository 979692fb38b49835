"""The schedule: a pure function of its seed, within its bounds."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.torture.acts import Act, BrokerCrash, Crash, Freeze, Misbehaviour, Timed
from tests.torture.schedule import ROUND, SESSION, WORKERS, a_round, duration, schedule

SEEDS = st.integers(min_value=0, max_value=10**9)
NODES = st.sampled_from([1, 3])


@given(SEEDS, st.floats(min_value=0.2, max_value=8))
def test_the_same_seed_gives_the_same_schedule(seed: int, minutes: float) -> None:
    assert schedule(seed, minutes) == schedule(seed, minutes)


def test_another_seed_gives_another_schedule() -> None:
    assert schedule(1, 2)[0].acts != schedule(2, 2)[0].acts


@given(SEEDS, NODES)
def test_a_round_is_sorted_and_everything_ends_within_it(seed: int, nodes: int) -> None:
    acts = a_round(str(seed), nodes=nodes, seconds=ROUND).acts
    assert sorted(acts, key=lambda each: each.at) == list(acts)
    assert [] == [each for each in acts if each.at < 0 or each.at + duration(each.act) > ROUND]


@given(SEEDS, NODES)
def test_nothing_overlaps_what_is_done_to_the_same_thing(seed: int, nodes: int) -> None:
    acts = a_round(str(seed), nodes=nodes, seconds=ROUND).acts
    kafka = [
        each for each in acts if type(each.act).__name__ in ("BrokerCrash", "CommitsRefused", "DeadLettersRefused")
    ]
    assert [] == _overlapping(kafka)
    for name in ("wigzo", "wootric"):
        assert [] == _overlapping(
            each for each in acts if isinstance(each.act, Misbehaviour) and each.act.destination == name
        )


def _overlapping(acts: Iterable[Timed]) -> list[tuple[Timed, Timed]]:
    ordered = list(acts)
    return [(one, next_) for one, next_ in pairwise(ordered) if one.at + duration(one.act) > next_.at]


@given(SEEDS, NODES)
def test_acts_name_only_workers_and_nodes_that_there_are(seed: int, nodes: int) -> None:
    acts = [each.act for each in a_round(str(seed), nodes=nodes, seconds=ROUND).acts]
    assert {each.worker for each in acts if isinstance(each, Crash | Freeze)} <= set(range(WORKERS))
    assert {each.node for each in acts if isinstance(each, BrokerCrash)} <= {None, *range(1, nodes + 1)}


@given(SEEDS)
def test_a_frozen_worker_is_frozen_for_longer_than_its_session(seed: int) -> None:
    acts = [each.act for each in a_round(str(seed), nodes=1, seconds=ROUND).acts]
    assert [] == [each for each in acts if isinstance(each, Freeze) and each.seconds <= SESSION]


@given(SEEDS)
def test_to_leave_acts_out_leaves_the_others_as_they_were(seed: int) -> None:
    everything = a_round(str(seed), nodes=1, seconds=ROUND).acts
    fewer = a_round(str(seed), nodes=1, seconds=ROUND, without=frozenset({"Freeze"})).acts
    assert [each for each in everything if not isinstance(each.act, Freeze)] == list(fewer)


def test_a_long_run_has_every_kind_of_act_on_one_node_and_on_three() -> None:
    kinds: set[type[Act]] = {type(each.act) for plan in schedule(1, 30) for each in plan.acts}
    assert {
        "Crash", "RollingRestart", "Freeze", "Visit", "BrokerCrash", "CommitsRefused", "DeadLettersRefused",
        "Misbehaviour", "WrongSecret",
    } == {kind.__name__ for kind in kinds}  # fmt: skip
    assert [1] * 8 + [3] * 7 == [plan.nodes for plan in schedule(1, 30)]
