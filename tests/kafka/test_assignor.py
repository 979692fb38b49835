"""The assignor, on random groups: each round is given what the members own, as the protocol does."""

from __future__ import annotations

from collections import defaultdict
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from worker.adapters.assignor import NAME, Assignor, replay_topic, retry_prefix

GROUP = "relay.wigzo"
RETRIES = retry_prefix(GROUP)
REPLAY = replay_topic(GROUP)

Owned = frozenset[tuple[str, int]]
TopicSizes = dict[str, int]


class FakeCluster:
    def __init__(self, sizes: TopicSizes) -> None:
        self._sizes = sizes

    def topics(self) -> set[str]:
        return set(self._sizes)

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return set(range(self._sizes[topic])) if topic in self._sizes else None


def a_member(name: str, topics: tuple[str, ...], owned: Owned = frozenset()) -> Any:
    by_topic: dict[str, list[int]] = defaultdict(list)
    for topic, partition in owned:
        by_topic[topic].append(partition)
    claims = [SimpleNamespace(topic=topic, partitions=numbers) for topic, numbers in by_topic.items()]
    metadata = SimpleNamespace(topics=list(topics), generation_id=-1, owned_partitions=claims)
    return SimpleNamespace(member_id=name, metadata=metadata)


def a_round(sizes: TopicSizes, owned: dict[str, Owned], topics: tuple[str, ...]) -> dict[str, Owned]:
    members = [a_member(name, topics, has) for name, has in owned.items()]
    assigned = Assignor(GROUP).assign(FakeCluster(sizes), members)
    return {name: as_owned(each) for name, each in assigned.items()}


def as_owned(assignment: Any) -> Owned:
    return frozenset((topic, number) for topic, numbers in assignment.assigned_partitions for number in numbers)


def until_stable(sizes: TopicSizes, owned: dict[str, Owned], topics: tuple[str, ...]) -> dict[str, Owned]:
    for _ in range(6):
        after = a_round(sizes, owned, topics)
        for member, has in after.items():
            for other, had in owned.items():
                assert member == other or not has & had, "assigned while another member still owns it"
        if after == owned:
            return after
        owned = after
    raise AssertionError("no stable assignment within six rounds")


def its_retries(owned: Owned) -> Owned:
    return frozenset((topic.removeprefix(RETRIES), number) for topic, number in owned if topic.startswith(RETRIES))


def its_sources(owned: Owned) -> Owned:
    return frozenset((topic, number) for topic, number in owned if not topic.startswith(RETRIES))


@given(
    st.integers(1, 12),
    st.integers(0, 7),
    st.lists(st.one_of(st.just("join"), st.integers(0, 7)), min_size=1, max_size=15),
)
def test_partitions_and_their_retries_have_one_owner_through_joins_and_leaves(
    orders: int, carts: int, steps: list[str | int]
) -> None:
    sizes = {"orders": orders, RETRIES + "orders": orders}
    if carts:
        sizes |= {"carts": carts, RETRIES + "carts": carts}
    owned: dict[str, Owned] = {"m0": frozenset()}
    for number, step in enumerate(steps, 1):
        if isinstance(step, int) and len(owned) > 1:
            owned.pop(list(owned)[step % len(owned)])
        else:
            owned[f"m{number}"] = frozenset()
        owned = until_stable(sizes, owned, tuple(sizes))

        everything = frozenset(
            (topic, number) for topic in ("orders", "carts") for number in range(sizes.get(topic, 0))
        )
        assert everything == frozenset().union(*map(its_sources, owned.values()))
        counts = [len(its_sources(has)) for has in owned.values()]
        assert max(counts) - min(counts) <= 1
        for has in owned.values():
            assert its_retries(has) == its_sources(has)


@given(
    st.integers(1, 12),
    st.integers(0, 7),
    st.integers(1, 14),
    st.lists(st.one_of(st.just("join"), st.integers(0, 7)), min_size=1, max_size=15),
)
def test_the_replay_topic_follows_its_sources_and_weighs_nothing(
    orders: int, carts: int, replays: int, steps: list[str | int]
) -> None:
    sizes = {"orders": orders, REPLAY: replays} | ({"carts": carts} if carts else {})
    owned: dict[str, Owned] = {"m0": frozenset()}
    for number, step in enumerate(steps, 1):
        if isinstance(step, int) and len(owned) > 1:
            owned.pop(list(owned)[step % len(owned)])
        else:
            owned[f"m{number}"] = frozenset()
        owned = until_stable(sizes, owned, tuple(sizes))

        counts = [len(without_replays(has)) for has in owned.values()]
        assert (orders + carts, True) == (sum(counts), max(counts) - min(counts) <= 1)
        replayed = [(topic, number) for has in owned.values() for topic, number in has if topic == REPLAY]
        assert [(REPLAY, number) for number in range(replays)] == sorted(replayed)
        for has in owned.values():
            for topic, number in has - without_replays(has):
                followed = ("carts" if number < carts else "orders", number)
                assert number >= max(orders, carts) or followed in has, (topic, number)


def without_replays(owned: Owned) -> Owned:
    return frozenset(place for place in owned if place[0] != REPLAY)


def test_a_replay_partition_is_given_to_nobody_while_another_member_still_owns_it() -> None:
    sizes = {"carts": 1, "orders": 2, REPLAY: 1}
    assignor = Assignor(GROUP)
    # The carts are new among the topics; until now the replays followed the orders.
    old = a_member("old", tuple(sizes), frozenset({("orders", 0), ("orders", 1), (REPLAY, 0)}))
    new = a_member("new", tuple(sizes), frozenset({("carts", 0)}))

    assigned = assignor.assign(FakeCluster(sizes), [old, new])
    assert frozenset({("carts", 0)}) == as_owned(assigned["new"])
    assert (REPLAY, 0) not in as_owned(assigned["old"])
    assert 1 == assignor.unassigned

    old = a_member("old", tuple(sizes), frozenset({("orders", 0), ("orders", 1)}))
    assigned = assignor.assign(FakeCluster(sizes), [old, new])
    assert frozenset({("carts", 0), (REPLAY, 0)}) == as_owned(assigned["new"])
    assert 0 == assignor.unassigned


def test_a_replay_partition_is_given_to_nobody_while_its_source_is_on_its_way() -> None:
    sizes = {"orders": 2, REPLAY: 2}
    old = a_member("old", tuple(sizes), frozenset({("orders", 0), ("orders", 1)}))
    assigned = Assignor(GROUP).assign(FakeCluster(sizes), [old, a_member("new", tuple(sizes))])
    (kept,) = without_replays(as_owned(assigned["old"]))
    assert {"old": frozenset({kept, (REPLAY, kept[1])}), "new": frozenset()} == {
        name: as_owned(each) for name, each in assigned.items()
    }


def test_a_member_that_does_not_subscribe_to_the_replay_topic_is_not_given_it() -> None:
    sizes = {"orders": 2, REPLAY: 2}
    reader = a_member("reader", tuple(sizes), frozenset({("orders", 0)}))
    other = a_member("other", ("orders",), frozenset({("orders", 1)}))
    assigned = Assignor(GROUP).assign(FakeCluster(sizes), [reader, other])
    assert {"reader": frozenset({("orders", 0), (REPLAY, 0)}), "other": frozenset({("orders", 1)})} == {
        name: as_owned(each) for name, each in assigned.items()
    }


def test_a_member_that_does_not_subscribe_to_the_retry_topic_is_not_given_it() -> None:
    sizes = {"orders": 1, RETRIES + "orders": 1}
    assert {"m": frozenset({("orders", 0)})} == a_round(sizes, {"m": frozenset()}, ("orders",))


def test_a_retry_topic_with_fewer_partitions_than_its_source_follows_as_far_as_it_goes() -> None:
    sizes = {"orders": 2, RETRIES + "orders": 1}
    expected = frozenset({("orders", 0), ("orders", 1), (RETRIES + "orders", 0)})
    assert {"m": expected} == a_round(sizes, {"m": frozenset()}, tuple(sizes))


def test_the_retry_topics_of_another_group_are_topics_like_any_other() -> None:
    foreign = "relay.wootric.retry.orders"
    assert {"m": frozenset({(foreign, 0)})} == a_round({foreign: 1}, {"m": frozenset()}, (foreign,))


def test_what_the_last_round_gave_to_nobody_is_known() -> None:
    assignor = Assignor(GROUP)
    topics = ("orders",)
    newcomer = a_member("new", topics)
    owner = a_member("old", topics, frozenset({("orders", 0), ("orders", 1)}))

    assignor.assign(FakeCluster({"orders": 2}), [owner, newcomer])
    assert (assignor.rounds, assignor.unassigned) == (1, 1)

    owner = a_member("old", topics, frozenset({("orders", 0)}))
    assignor.assign(FakeCluster({"orders": 2}), [owner, newcomer])
    assert (assignor.rounds, assignor.unassigned) == (2, 0)


def test_a_topic_without_metadata_counts_as_given_to_nobody() -> None:
    assignor = Assignor(GROUP)
    assignor.assign(FakeCluster({}), [a_member("m", ("orders",))])
    assert assignor.unassigned == 1


def test_lost_partitions_are_not_claimed_at_the_next_join() -> None:
    assignor = Assignor(GROUP)
    assigned = assignor.assign(FakeCluster({"orders": 1}), [a_member("m", ("orders",))])
    assignor.on_assignment(assigned["m"], 1)
    assert [(each.topic, each.partitions) for each in claims(assignor)] == [("orders", [0])]

    assignor.forget()
    assert claims(assignor) == []


def claims(assignor: Assignor) -> list[Any]:
    return list(assignor.metadata({"orders"}).owned_partitions)


def test_the_name_is_the_one_that_running_groups_have_agreed_on() -> None:
    assert NAME == "cooperative-sticky-with-retries"
