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
NOTICED = 40.0  # seconds: new metadata come every 15 s


def a_member(name: str | None) -> Returning:
    """One of a group that relay-0 leads, with two topics."""
    return Returning(name, "ab", lambda: f"relay-0{LIFE}")


def asks(returning: Returning, *, rounds: int = 0, topics: str = "ab") -> bool:
    return returning.must_ask(rounds=rounds, topics=topics)


def test_who_led_the_group_and_is_not_told_so_asks_once() -> None:
    returning = a_member("relay-0")
    assert [True, False] == [asks(returning), asks(returning)]


def test_who_follows_another_one_does_not_ask() -> None:
    assert not asks(a_member("relay-1"))
    assert not asks(a_member("relay")), "relay-0 is not a life of relay"


def test_who_leads_and_knows_it_does_not_ask() -> None:
    assert not asks(a_member("relay-0"), rounds=1)
    assert not asks(a_member("relay-0"), rounds=1, topics="a")


def test_who_reads_nothing_of_one_of_its_topics_asks_once() -> None:
    returning = a_member("relay-1")
    assert [False, True, False] == [asks(returning, topics=owned) for owned in ("", "a", "a")]


def test_who_was_never_there_before_does_not_ask() -> None:
    assert not asks(a_member(None), topics="a")


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
