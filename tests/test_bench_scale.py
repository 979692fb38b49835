"""The parts of the benches for scale and for requests that decide something."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import orjson
import pytest

from bench.crowds import TEMPLATES, Crowd, Shape, records, speakers
from bench.slices import Slice, steady
from bench.syncs import SYNCS, TENTH, State, identifies
from bench.workload import user_id


def a_crowd(shape: Shape, events: int = 2_000, users: int = 50, partitions: int = 4) -> Crowd:
    return Crowd(events, events if shape is Shape.DISTINCT else users, partitions, shape)


def messages(crowd: Crowd, part: int = 0, parts: int = 1) -> list[tuple[int, bytes, dict[str, Any]]]:
    return [(partition, key, orjson.loads(body)) for partition, key, body in records(crowd, part, parts)]


@pytest.mark.parametrize("shape", Shape)
def test_every_event_of_a_crowd_has_its_size_its_user_and_its_place(shape: Shape) -> None:
    crowd = a_crowd(shape)
    places: Counter[bytes] = Counter()
    for event, (partition, key, body) in enumerate(records(crowd)):
        message = orjson.loads(body)
        user = int(key.removeprefix(b"user-"))
        said = message.get("traits") or message["properties"]
        assert (user_id(user), crowd.size, user % crowd.partitions) == (message["userId"], len(body), partition)
        assert f"pb-{event:09}-{user:07}-{places[key]:07}" == message["messageId"] == said["marker"]
        places[key] += 1
    assert crowd.events == places.total()


@pytest.mark.parametrize("shape", Shape)
def test_two_producers_make_between_them_what_one_would(shape: Shape) -> None:
    crowd = a_crowd(shape)
    both = [*messages(crowd, 0, 2), *messages(crowd, 1, 2)]
    assert messages(crowd) == sorted(both, key=lambda one: str(one[2]["messageId"]))


def test_a_crowd_of_different_users_identifies_each_once() -> None:
    found = messages(a_crowd(Shape.DISTINCT, events=3 * TEMPLATES))
    assert [{"identify"}, len(found)] == [{one["type"] for _, _, one in found}, len({key for _, key, _ in found})]


def test_one_user_says_half_of_it_all() -> None:
    said = Counter(speakers(a_crowd(Shape.ONE)))
    assert (1_000, 50) == (said[0], len(said))


def test_by_zipfs_law_the_first_says_much_and_the_last_little() -> None:
    said = Counter(speakers(a_crowd(Shape.ZIPF, events=50_000)))
    assert said[0] > said[1] > said[3] > said[10] > said[40] > 0
    assert pytest.approx(2**1.1, rel=0.1) == said[0] / said[1]


def test_stuck_users_stand_first_in_each_partition_and_say_nothing_more() -> None:
    whose = list(speakers(a_crowd(Shape.STUCK)))
    assert [0, 1, 2, 3] == whose[:4]
    assert min(whose[4:]) == 4


def test_the_benchs_row_is_the_median_of_a_runs_inner_slices() -> None:
    rates: Sequence[int] = (1_000, 200, 400, 300, 9_000)
    found = [Slice(100 * at, 100, 100 / rate, cpu=rate / 10, memory=at) for at, rate in enumerate(rates, 1)]
    of = steady(found)
    assert pytest.approx(300) == of.rate
    assert (30, 5, 500) == (of.cpu, of.memory, of.until)
    assert pytest.approx(200) == steady(found[1:2]).rate


def test_a_tenth_of_the_audience_changes_and_the_others_say_what_they_said() -> None:
    before, after = (dict(identifies(30, state)) for state in (State.BEFORE, State.AFTER))
    changed = [key for key in before if orjson.loads(before[key])["traits"] != orjson.loads(after[key])["traits"]]
    assert [user_id(user).encode() for user in range(0, 30, TENTH)] == changed
    assert [State.BEFORE, State.BEFORE, State.AFTER] == [state for _, state, _ in SYNCS]
