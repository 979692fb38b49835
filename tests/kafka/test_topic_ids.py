"""When a partition is another topic's than it was."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from kafka import TopicPartition as KafkaPartition

from worker.adapters.topic_ids import TopicIds
from worker.core.records import Assigned, Position, TopicPartition

ORDERS = [KafkaPartition("orders", number) for number in range(2)]
CARTS = KafkaPartition("carts", 0)
OLD, NEW, NONE = UUID(int=1), UUID(int=2), UUID(int=0)


def a_consumer(ids: Mapping[str, UUID]) -> Any:
    """Whose metadata have these."""
    return SimpleNamespace(_cluster=SimpleNamespace(topic_id=ids.get))


def begun(*partitions: KafkaPartition, topic_id: UUID | None = OLD) -> list[Assigned]:
    found = None if topic_id is None else topic_id.bytes
    return [Assigned(TopicPartition(*each), Position(0), found) for each in partitions]


def changed(ids: TopicIds, **now: UUID) -> frozenset[KafkaPartition]:
    return ids.changed(a_consumer(now), [*ORDERS, CARTS])


def test_another_id_is_another_topic_for_all_its_partitions_and_for_no_other_topic() -> None:
    ids = TopicIds()
    ids.note(begun(*ORDERS, CARTS))
    assert changed(ids, orders=OLD, carts=OLD) == frozenset()
    assert changed(ids, orders=NEW, carts=OLD) == frozenset(ORDERS)


def test_a_partition_that_began_under_the_new_id_already_is_where_it_should_be() -> None:
    ids = TopicIds()
    ids.note([*begun(ORDERS[0]), *begun(ORDERS[1], topic_id=NEW)])
    assert changed(ids, orders=NEW) == frozenset({ORDERS[0]})


def test_where_nobody_tells_an_id_nothing_has_changed() -> None:
    ids = TopicIds()
    ids.note([*begun(ORDERS[0]), *begun(CARTS, topic_id=None)])
    assert changed(ids, orders=NONE, carts=NEW) == frozenset()
    assert changed(ids) == frozenset()


def test_a_broker_that_still_tells_of_the_former_topic_brings_nothing_back() -> None:
    ids = TopicIds()
    ids.note(begun(*ORDERS))
    ids.note(begun(*ORDERS, topic_id=NEW))
    assert changed(ids, orders=OLD) == frozenset()
    assert changed(ids, orders=UUID(int=3)) == frozenset(ORDERS)
