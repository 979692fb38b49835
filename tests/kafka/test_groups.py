"""Several members of one group on Apache Kafka: who reads what, through joins, leaves, fences and starts."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from threading import Event, Thread
from typing import Any

import pytest
from kafka import KafkaConsumer
from kafka.errors import TopicAuthorizationFailedError
from kafka.protocol.consumer.metadata import ConsumerProtocolAssignment
from kafka.structs import MemberState

from tests.kafka.doubles import Member, create, eventually, produce
from worker.adapters.assignor import Assignor
from worker.adapters.cluster import group_commits
from worker.adapters.connection import Connection
from worker.adapters.inbox import Partitions, Release
from worker.adapters.refusals import Refused, told
from worker.adapters.subscription import GRACE_SECONDS
from worker.core.records import Position, TopicPartition
from worker.sandbox.brokers import Cluster

pytestmark = pytest.mark.apache

Names = Callable[[str], str]


class Feed:
    """Writes numbered values over all partitions until it is stopped."""

    def __init__(self, bootstrap: tuple[str, ...], topic: str) -> None:
        self.sent = 0
        self._stop = Event()
        self._thread = Thread(target=self._run, args=(bootstrap, topic))
        self._thread.start()

    def _run(self, bootstrap: tuple[str, ...], topic: str) -> None:
        while not self._stop.is_set():
            produce(bootstrap, topic, [b"%d" % (self.sent + number) for number in range(200)], partition=None)
            self.sent += 200

    def stop(self) -> set[bytes]:
        """All that was written."""
        self._stop.set()
        self._thread.join()
        return {b"%d" % number for number in range(self.sent)}


def test_a_member_that_joins_and_one_that_leaves_under_load_lose_nothing_and_repeat_nothing(
    apache: Cluster, unique: Names
) -> None:
    topic, group = unique("t"), unique("g")
    create(apache.bootstrap, topic, 4)
    feed = Feed(apache.bootstrap, topic)
    with Member(apache.bootstrap, topic, group=group) as first:
        eventually(lambda: len(first.lane.values) > 500)
        with Member(apache.bootstrap, topic, group=group) as second:
            eventually(lambda: first.owns(2) and second.owns(2))
            eventually(lambda: len(second.lane.values) > 500)
            leave(second)
        eventually(lambda: first.owns(4))
        sent = feed.stop()
        eventually(lambda: len(first.lane.values) + len(second.lane.values) >= len(sent))
    counted = Counter(first.lane.values + second.lane.values)
    assert counted.keys() == sent
    assert [value for value, times in counted.items() if times > 1] == []


def leave(member: Member) -> None:
    """As a lane does at a clean stop: take no more, commit all."""
    with member.lane.lock:
        member.lane.draining = True
    eventually(lambda: member.commit(frozen(member)) is None and member.lane.commits[-1][0] == frozen(member))


def frozen(member: Member) -> dict[TopicPartition, Position]:
    return {each: Position(member.lane.next[each]) for each in member.lane.owned}


def test_a_rebalance_waits_for_the_drain_and_commits_what_it_says(apache: Cluster, unique: Names) -> None:
    topic, group = unique("t"), unique("g")
    create(apache.bootstrap, topic, 2)
    pending: list[tuple[Partitions, Release]] = []
    with Member(apache.bootstrap, topic, group=group) as first:
        eventually(lambda: first.owns(2))
        first.lane.release = lambda partitions, release: pending.append((partitions, release))
        with Member(apache.bootstrap, topic, group=group) as second:
            ((leaving, release),) = eventually(lambda: list(pending))
            (staying,) = frozenset(first.lane.owned)
            # The partition that stays is committed while the other is drained.
            assert first.commit({staying: Position(5, "stays")}) is None
            assert second.owns(0)

            (moved,) = leaving
            release.done({moved: Position(7, "moves")})
            release.done({moved: Position(1, "too late")})
            eventually(lambda: second.owns(1))
            assert second.lane.begun[0].position.offset == 7
            assert ({moved: Position(7, "moves")}, None) in first.lane.commits
            commits = group_commits(Connection(apache.bootstrap), group)
            assert (commits[staying], commits[moved].offset) == (Position(5, "stays"), 7)


def test_a_member_reads_on_while_a_round_waits_for_another_one(apache: Cluster, unique: Names) -> None:
    topic, group = unique("t"), unique("g")
    create(apache.bootstrap, topic, 3)
    pending: list[Release] = []
    with Member(apache.bootstrap, topic, group=group) as first:
        eventually(lambda: first.owns(3))
        with Member(apache.bootstrap, topic, group=group) as second:
            eventually(lambda: first.owns(2) and second.owns(1))
            (kept,) = second.lane.owned
            first.lane.release = lambda partitions, release: pending.append(release)
            with Member(apache.bootstrap, topic, group=group) as third:
                ((release),) = eventually(lambda: list(pending))  # the first drains, and joins no round meanwhile
                with Member(apache.bootstrap, topic, group=group) as fourth:
                    eventually(lambda: joins(second))
                    produce(apache.bootstrap, topic, [b"meanwhile"], partition=kept.partition)
                    eventually(lambda: second.lane.values)
                    assert joins(second)
                    release.done({})
                    eventually(lambda: third.owns(1) or fourth.owns(1))


def joins(member: Member) -> bool:
    """Whether it waits for the answer to a join."""
    consumer = member.consumer._consumer
    return consumer is not None and consumer.group_metadata().state is MemberState.REBALANCING


def test_a_drain_that_never_ends_is_cut_off(apache: Cluster, unique: Names) -> None:
    topic, group = unique("t"), unique("g")
    create(apache.bootstrap, topic, 2)
    with Member(apache.bootstrap, topic, group=group, drain_timeout=0.5 - 2 * GRACE_SECONDS) as first:
        eventually(lambda: first.owns(2))
        first.lane.release = lambda partitions, release: None
        with Member(apache.bootstrap, topic, group=group) as second:
            eventually(lambda: second.owns(1))
        assert "the drain did not end; its partitions are let go" in first.log.events


def test_closing_does_not_wait_for_a_drain(apache: Cluster, unique: Names) -> None:
    topic, group = unique("t"), unique("g")
    create(apache.bootstrap, topic, 2)
    drains: list[Partitions] = []
    with Member(apache.bootstrap, topic, group=group, drain_timeout=300) as first:
        eventually(lambda: first.owns(2))
        first.lane.release = lambda partitions, release: drains.append(partitions)
        with Member(apache.bootstrap, topic, group=group):
            eventually(lambda: drains)
            first.close()
    assert first.lane.has_closed


def test_a_commit_for_a_partition_that_was_let_go_is_not_sent(apache: Cluster, unique: Names) -> None:
    topic, group = unique("t"), unique("g")
    create(apache.bootstrap, topic, 2)
    with Member(apache.bootstrap, topic, group=group) as first:
        eventually(lambda: first.owns(2))
        everything = {each: Position(9) for each in first.lane.owned}
        with Member(apache.bootstrap, topic, group=group) as second:
            eventually(lambda: first.owns(1) and second.owns(1))
            assert first.commit(everything) is None
            (kept,) = first.lane.owned
            assert first.lane.commits[-1] == ({kept: Position(9)}, None)


def test_members_that_start_together_always_share_all_partitions(apache: Cluster, unique: Names) -> None:
    topic = unique("t")
    create(apache.bootstrap, topic, 2)
    for _ in range(20):
        group = unique("g")
        with (
            Member(apache.bootstrap, topic, group=group) as first,
            Member(apache.bootstrap, topic, group=group) as second,
        ):
            eventually(partial(each_owns_one, first, second), seconds=6)
        assert first.log.events.count("joining the group anew: partitions may have been left over") == 0


def each_owns_one(*members: Member) -> bool:
    return all(member.owns(1) for member in members)


def test_a_member_for_whom_no_partition_is_left_hears_that_it_has_joined(apache: Cluster, unique: Names) -> None:
    topic, group = unique("t"), unique("g")
    create(apache.bootstrap, topic, 1)
    with Member(apache.bootstrap, topic, group=group) as first:
        eventually(lambda: first.owns(1))
        with Member(apache.bootstrap, topic, group=group) as second:
            eventually(lambda: second.lane.has_joined)
            assert second.owns(0)
            assert first.owns(1)


def test_a_static_member_comes_back_to_its_partitions_without_a_rebalance(apache: Cluster, unique: Names) -> None:
    topic, group = unique("t"), unique("g")
    create(apache.bootstrap, topic, 2)
    with Member(apache.bootstrap, topic, group=group, instance_id="one") as first:
        with Member(apache.bootstrap, topic, group=group, instance_id="two") as second:
            eventually(lambda: first.owns(1) and second.owns(1))
            before = dict(first.lane.owned), len(first.lane.begun)
        with Member(apache.bootstrap, topic, group=group, instance_id="two") as again:
            eventually(lambda: again.owns(1))
            assert again.lane.owned.keys() == second.lane.owned.keys()
            assert (dict(first.lane.owned), len(first.lane.begun)) == before


def test_a_fenced_member_ends(apache: Cluster, unique: Names) -> None:
    topic, group = unique("t"), unique("g")
    create(apache.bootstrap, topic)
    with Member(apache.bootstrap, topic, group=group, instance_id="one") as older:
        eventually(lambda: older.owns(1))
        with Member(apache.bootstrap, topic, group=group, instance_id="one") as newer:
            eventually(lambda: newer.owns(1))
            # It goes on polling, and is told nothing; the commit on a timer tells.
            assert older.commit({TopicPartition(topic, 0): Position(0)}) == "FencedInstanceIdError"
            failure = eventually(lambda: older.lane.failure)
            assert isinstance(failure, Refused)
            assert "runs with the same kafka.instance_id" in str(failure)
            assert newer.lane.failure is None


def test_a_member_that_the_group_forgot_loses_its_partitions_and_gets_them_anew(apache: Cluster, unique: Names) -> None:
    from kafka import KafkaAdminClient
    from kafka.admin import MemberToRemove

    topic, group = unique("t"), unique("g")
    create(apache.bootstrap, topic, 2)
    with Member(apache.bootstrap, topic, group=group, instance_id="one") as member:
        eventually(lambda: member.owns(2))
        admin = KafkaAdminClient(bootstrap_servers=list(apache.bootstrap))
        admin.remove_group_members(group, [MemberToRemove(group_instance_id="one")])
        admin.close()
        eventually(lambda: member.lane.losses)
        eventually(lambda: member.owns(2))
    assert len(member.lane.begun) == 4


def test_a_group_that_another_program_is_in_is_told(apache: Cluster, unique: Names) -> None:
    topic, group = unique("t"), unique("g")
    create(apache.bootstrap, topic)
    other = KafkaConsumer(bootstrap_servers=list(apache.bootstrap), group_id=group, enable_auto_commit=False)
    try:
        # A leader that joins before its metadata are there gives nothing to anybody, and may never notice.
        eventually(lambda: other.partitions_for_topic(topic))
        other.subscribe([topic])
        eventually(lambda: other.poll(timeout_ms=100) or other.assignment())
        with Member(apache.bootstrap, topic, group=group) as member:
            failure = eventually(lambda: member.lane.failure)
    finally:
        other.close()
    assert isinstance(failure, Refused)
    assert str(failure).startswith(f"the group {group} is in use by another program")


def test_what_is_no_refusal_is_told_as_it_is() -> None:
    error = ValueError("a bug")
    assert told(error, "g") is error


def test_a_topic_that_may_not_be_read_is_named() -> None:
    refused = told(TopicAuthorizationFailedError({"orders", "carts"}), "g")
    assert str(refused) == "this user lacks the right to READ carts, orders"


class Forgetful(Assignor):
    """Gives nothing to anybody in its first round, as a leader does whose metadata came too late."""

    def assign(self, cluster: Any, members: Sequence[Any]) -> dict[str, Any]:
        assigned = super().assign(cluster, members)
        if self.rounds > 1:
            return assigned
        self.unassigned = len(cluster.partitions_for_topic(members[0].metadata.topics[0]))
        return {member: ConsumerProtocolAssignment(self.version, [], b"") for member in assigned}


def test_partitions_that_the_first_round_gave_to_nobody_are_given_out_in_another(
    apache: Cluster, unique: Names
) -> None:
    topic, group = unique("t"), unique("g")
    create(apache.bootstrap, topic, 2)
    member = Member(apache.bootstrap, topic, group=group, drain_timeout=1 - 2 * GRACE_SECONDS)
    member.consumer._assignor = forgetful = Forgetful(group)
    member.consumer._options["partition_assignment_strategy"] = [forgetful]
    with member:
        eventually(lambda: member.owns(2))
    assert forgetful.rounds >= 2
    assert "joining the group anew: partitions may have been left over" in member.log.events


def test_a_commit_while_the_group_waits_for_a_member_fails_and_may_be_tried_again(
    apache: Cluster, unique: Names
) -> None:
    topic, group = unique("t"), unique("g")
    create(apache.bootstrap, topic, 2)
    with Member(apache.bootstrap, topic, group=group) as first:
        eventually(lambda: first.owns(2))
        everything = {each: Position(0) for each in first.lane.owned}
        # One that answers the group's heartbeats and nothing else: the next round waits for it.
        silent = a_member(apache, topic, group)
        try:
            eventually(lambda: silent.poll(timeout_ms=100) or silent.assignment())
            with Member(apache.bootstrap, topic, group=group) as second:
                refused = eventually(lambda: (error := first.commit(everything)) and [error])
                assert refused[0] in ("RebalanceInProgressError", "CommitFailedError")
                # It may own nothing by the time that it is answered, and commits that fail renew nothing.
                eventually(lambda: first.commit(everything) and first.consumer.lease_until < time.monotonic())
                assert first.lane.failure is None
                silent.close()  # it leaves, and the round goes on
                eventually(lambda: first.owns(1) and second.owns(1))
                eventually(lambda: first.commit({each: Position(0) for each in first.lane.owned}) is None)
        finally:
            silent.close()


def a_member(apache: Cluster, topic: str, group: str) -> KafkaConsumer:
    """A bare client that speaks our group's protocol."""
    client = KafkaConsumer(
        bootstrap_servers=list(apache.bootstrap),
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        partition_assignment_strategy=[Assignor(group)],
        session_timeout_ms=6000,
        heartbeat_interval_ms=300,
    )
    client.subscribe([topic])
    client.partitions_for_topic(topic)
    return client
