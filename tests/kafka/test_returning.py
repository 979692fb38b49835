"""A static member that comes back is heard by its group."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import pytest
from kafka import KafkaAdminClient

from tests.kafka.doubles import Member, create, eventually
from worker.adapters.returning import Returning
from worker.sandbox.brokers import Cluster

Names = Callable[[str], str]
LIFE = "-0b2f6c1e-6d0e-4a52-9a6f-2f9f3c1d7e55"
ASKING = "joining the group once more, so that it hears what a static member wants that came back"
NOTICED = 40.0  # seconds: new metadata come every 15 s


def a_member(name: str | None) -> Returning:
    """One of a group that relay-0 leads, with two topics."""
    return Returning(name, "ab", lambda: f"relay-0{LIFE}")


def looks(returning: Returning, *, rounds: int = 0, partitions: str = "01") -> bool:
    return returning.must_look(rounds=rounds, partitions=frozenset(partitions))


def lacks(returning: Returning, *, rounds: int = 0, topics: str = "ab") -> bool:
    return returning.lacks_a_topic(rounds=rounds, topics=topics)


def test_who_led_the_group_and_is_not_told_so_looks_after_the_topics() -> None:
    returning = a_member("relay-0")
    assert looks(returning), "the answer may not have come"
    assert looks(returning)
    returning.looked(frozenset("01"))
    assert not looks(returning)
    assert looks(returning, partitions="012")


def test_who_follows_another_one_leaves_that_to_it() -> None:
    assert not looks(a_member("relay-1"))
    assert not looks(a_member("relay")), "relay-0 is not a life of relay"


def test_who_leads_and_knows_it_leaves_it_to_kafka_python() -> None:
    assert not looks(a_member("relay-0"), rounds=1)


def test_who_reads_nothing_of_one_of_its_topics_asks_once() -> None:
    returning = a_member("relay-1")
    assert [False, True, False] == [lacks(returning, topics=owned) for owned in ("", "a", "a")]


def test_who_reads_of_each_of_its_topics_never_asks() -> None:
    returning = a_member("relay-1")
    assert [False, False] == [lacks(returning, topics=owned) for owned in ("ab", "a")]


def test_who_was_never_there_before_has_not_come_back() -> None:
    assert not lacks(a_member(None), topics="a")
    assert not lacks(a_member("relay-0"), topics="a", rounds=1)
    assert not looks(a_member(None))


@pytest.mark.apache
def test_partitions_that_a_topic_gains_after_every_static_member_was_restarted_are_read(
    apache: Cluster, unique: Names
) -> None:
    topic, group = unique("t"), unique("g")
    create(apache.bootstrap, topic, 2)

    def member(name: str) -> Member:
        return Member(apache.bootstrap, topic, group=group, instance_id=name)

    with ExitStack() as stack:
        first, second = restarted(stack, member, member)
        stayed = [*first.lane.owned, *second.lane.owned]
        eventually(lambda: first.consumer.turns > 20 and second.consumer.turns > 20)
        assert ASKING not in first.log.events + second.log.events, "an ordinary restart needs no round"
        admin = KafkaAdminClient(bootstrap_servers=list(apache.bootstrap))
        admin.create_partitions({topic: 4})
        admin.close()
        eventually(lambda: len({*first.lane.owned, *second.lane.owned}) == 4, NOTICED)
        assert [first.lane.losses, second.lane.losses] == [[], []]
        assert {*stayed} <= {*first.lane.owned, *second.lane.owned}


@pytest.mark.apache
def test_a_topic_that_static_members_come_back_with_is_read_by_all_of_them(apache: Cluster, unique: Names) -> None:
    topic, added, group = unique("t"), unique("added"), unique("g")
    create(apache.bootstrap, topic, 2)
    create(apache.bootstrap, added, 2)

    def before(name: str) -> Member:
        return Member(apache.bootstrap, topic, group=group, instance_id=name)

    def after(name: str) -> Member:
        return Member(apache.bootstrap, topic, added, group=group, instance_id=name)

    with ExitStack() as stack:
        members = restarted(stack, before, after)
        eventually(lambda: all(member.owns(2) for member in members))


def restarted(stack: ExitStack, before: Callable[[str], Member], after: Callable[[str], Member]) -> list[Member]:
    """Two members that share two partitions, each closed and started anew, as in a rollout."""
    first = stack.enter_context(before("one"))
    eventually(lambda: first.owns(2))
    second = stack.enter_context(before("two"))
    eventually(lambda: first.owns(1) and second.owns(1))
    second.close()
    second = stack.enter_context(after("two"))
    eventually(lambda: second.lane.owned)
    first.close()
    first = stack.enter_context(after("one"))
    eventually(lambda: first.lane.owned)
    return [first, second]
