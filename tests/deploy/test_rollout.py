"""The real worker in a rollout, as the chart's StatefulSet does it: on Apache Kafka, with both vendors, under load."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

import pytest

from tests.deploy.rollout.pods import PATIENCE
from tests.deploy.rollout.rendered import a_release
from tests.deploy.rollout.scene import DESTINATIONS, Scene, a_scene, told
from tests.torture.judge import Verdict
from tests.torture.kafka_cluster import PARTITIONS, kafka
from worker.commands.exits import Exit
from worker.sandbox.exchange import Destination

pytestmark = [pytest.mark.apache, pytest.mark.needs("helm")]

CHANGED: Final[Mapping[str, Any]] = {"config": {"destinations": {name: {"concurrency": 48} for name in DESTINATIONS}}}
WRONG: Final[Mapping[str, Any]] = {"config": {"kafka": {"topics": ["no-such-topic"]}}}
# Seconds that what a partition has missed may take to come after its pod is ready again, on a busy machine.
TAKING_UP: Final = 20.0


@dataclass(frozen=True, slots=True)
class Played:
    """``tried``: how the pod with the setting that cannot work ended; ``ready``: whether the others were then."""

    scene: Scene
    tried: int
    ready: Sequence[bool]
    verdicts: Mapping[Destination, Verdict]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """Under load: a rollout of a changed setting; then of one that cannot work, and back."""
    folder = tmp_path_factory.mktemp("rollout")
    with kafka(folder, 1) as on, a_scene(on, folder, a_release) as scene:
        with scene.load():
            scene.roll(a_release(scene.place, CHANGED))
            tried, ready = _try_what_cannot_work(scene)
        print(*told(scene), sep="\n")
        yield Played(scene, tried, ready, scene.verdicts())


def _try_what_cannot_work(scene: Scene) -> tuple[int, Sequence[bool]]:
    *others, last = scene.pods.pods
    good, told = scene.pods.template, time.time()
    last.stop(good.grace)
    last.start(a_release(scene.place, WRONG))
    code = last.worker.ended(PATIENCE)
    ready = [pod.answers("/readyz") for pod in others]
    back = scene.pods.restart(last)
    scene.restarts.append(replace(back, told=told))
    return code, ready


def test_a_rollout_loses_nothing_keeps_each_users_order_and_repeats_one_event_in_ten_thousand_at_most(
    played: Played,
) -> None:
    assert dict.fromkeys(DESTINATIONS, ()) == {name: each.violations for name, each in played.verdicts.items()}
    assert all(len(each.repeated) <= each.events / 10_000 for each in played.verdicts.values()), played.verdicts
    assert all(each.events >= 10_000 for each in played.verdicts.values())


def test_pods_are_made_anew_one_by_one_the_highest_ordinal_first_and_each_ends_with_0_within_its_grace(
    played: Played,
) -> None:
    scene = played.scene
    rolled = scene.restarts[: len(scene.pods.pods)]
    assert [pod.name for pod in reversed(scene.pods.pods)] == [each.pod for each in rolled]
    assert [Exit.OK] * len(rolled) == [each.code for each in rolled]
    assert max(each.stopping for each in rolled) < scene.pods.template.grace
    assert all(later.told - sooner.ready >= 10 for sooner, later in pairwise(rolled))


def test_no_partition_moves(played: Played) -> None:
    assert [] == played.scene.moved


def test_a_partition_stands_still_only_while_its_own_pod_is_away(played: Played) -> None:
    restarts = played.scene.restarts
    for partitions in played.scene.standstills().values():
        assert PARTITIONS == len(partitions)
        for still in partitions.values():
            assert any(
                each.told - 1 <= still.begin and still.begin + still.seconds <= each.ready + TAKING_UP
                for each in restarts
            ), (still, restarts)


def test_a_setting_that_cannot_work_stops_the_rollout_at_its_first_pod_and_going_back_mends_it(played: Played) -> None:
    assert (Exit.SETUP, [True, True]) == (played.tried, played.ready)
    assert [True] * 3 == [pod.answers("/readyz") for pod in played.scene.pods.pods]
