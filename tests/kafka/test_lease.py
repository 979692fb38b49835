"""Until when a member believes that its partitions are nobody else's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from kafka import KafkaAdminClient
from kafka.admin import MemberToRemove
from kafka.errors import FencedInstanceIdError, KafkaConnectionError, RebalanceInProgressError

from tests.kafka.doubles import Member, create, eventually
from worker.adapters import private_calls
from worker.adapters.inbox import Partitions
from worker.adapters.lease import NEVER, Lease
from worker.core.records import Position, TopicPartition
from worker.sandbox.brokers import Cluster

Names = Callable[[str], str]


class Group:
    """A coordinator whose answers take five seconds each, and are what the test says."""

    def __init__(self) -> None:
        self.now = 100.0
        self.error: Exception | None = None
        self.lease = Lease(session_timeout=30)
        self.coordinator = SimpleNamespace(
            _send_heartbeat_request=self._answer,
            _do_join_and_sync_async=self._answer,
            maybe_leave_group_async=self._answer,
            reset_generation=lambda: None,
        )
        consumer: Any = SimpleNamespace(_coordinator=self.coordinator)
        private_calls.keep(self.lease, consumer, lambda: self.now)

    async def _answer(self) -> None:
        self.now += 5
        if self.error is not None:
            raise self.error

    def ask(self, request: Callable[[], Awaitable[object]], error: Exception | None = None) -> float:
        """The lease after the answer."""
        self.error = error

        async def asked() -> None:
            await request()

        if error is None:
            asyncio.run(asked())
        else:
            with pytest.raises(type(error)):
                asyncio.run(asked())
        return self.lease.until


def test_before_the_first_join_there_is_no_lease() -> None:
    assert Group().lease.until == NEVER


def test_a_heartbeat_and_a_join_renew_it_from_when_they_were_sent() -> None:
    group = Group()
    assert group.ask(group.coordinator._do_join_and_sync_async) == 100 + 20
    assert group.ask(group.coordinator._send_heartbeat_request) == 105 + 20


def test_a_heartbeat_that_tells_of_a_rebalance_renews_it_too() -> None:
    group = Group()
    assert group.ask(group.coordinator._send_heartbeat_request, RebalanceInProgressError()) == 100 + 20


def test_a_request_that_fails_changes_nothing() -> None:
    group = Group()
    group.ask(group.coordinator._send_heartbeat_request)
    assert group.ask(group.coordinator._send_heartbeat_request, KafkaConnectionError()) == 100 + 20
    assert group.ask(group.coordinator._do_join_and_sync_async, RebalanceInProgressError()) == 100 + 20


def test_what_was_sent_earlier_and_answered_later_takes_nothing_back() -> None:
    lease = Lease(session_timeout=30)
    lease.renew(103)
    lease.renew(101)
    assert lease.until == 103 + 20


def test_a_fence_ends_it_at_once() -> None:
    group = Group()
    group.ask(group.coordinator._send_heartbeat_request)
    assert group.ask(group.coordinator._send_heartbeat_request, FencedInstanceIdError()) == NEVER


def test_falling_out_of_the_group_ends_it_at_once() -> None:
    group = Group()
    group.ask(group.coordinator._send_heartbeat_request)
    group.coordinator.reset_generation()
    assert group.lease.until == NEVER


def test_leaving_the_group_ends_it_before_the_group_hears_of_it() -> None:
    group = Group()
    group.ask(group.coordinator._send_heartbeat_request)
    leaving = group.coordinator.maybe_leave_group_async()
    assert group.lease.until == NEVER
    asyncio.run(leaving)


@pytest.mark.apache
def test_heartbeats_and_commits_keep_it_alive(apache: Cluster, unique: Names) -> None:
    topic = unique("t")
    create(apache.bootstrap, topic)
    with Member(apache.bootstrap, topic, group=unique("g")) as member:
        assert member.consumer.lease_until == NEVER
        eventually(lambda: member.owns(1))
        first = member.consumer.lease_until
        assert time.monotonic() < first < time.monotonic() + 4  # two thirds of the session of 6 s
        eventually(lambda: member.consumer.lease_until > first)
        before = time.monotonic()
        assert member.commit({TopicPartition(topic, 0): Position(0)}) is None
        assert before + 4 <= member.consumer.lease_until < time.monotonic() + 4


@pytest.mark.apache
def test_a_member_that_the_group_put_out_has_none_when_it_hears_of_it(apache: Cluster, unique: Names) -> None:
    topic, group = unique("t"), unique("g")
    create(apache.bootstrap, topic)
    leases = []
    with Member(apache.bootstrap, topic, group=group, instance_id="one") as member:
        lost = member.lane.lost

        def look(partitions: Partitions) -> None:
            leases.append(member.consumer.lease_until)
            lost(partitions)

        member.lane.lost = look  # type: ignore[method-assign]  # the double's own
        eventually(lambda: member.owns(1))
        admin = KafkaAdminClient(bootstrap_servers=list(apache.bootstrap))
        admin.remove_group_members(group, [MemberToRemove(group_instance_id="one")])
        admin.close()
        eventually(lambda: leases)
        eventually(lambda: member.owns(1))
        assert time.monotonic() < member.consumer.lease_until
    assert leases == [NEVER]


@pytest.mark.apache
def test_a_fenced_member_has_none(apache: Cluster, unique: Names) -> None:
    topic, group = unique("t"), unique("g")
    create(apache.bootstrap, topic)
    with Member(apache.bootstrap, topic, group=group, instance_id="one") as older:
        eventually(lambda: older.owns(1))
        with Member(apache.bootstrap, topic, group=group, instance_id="one") as newer:
            eventually(lambda: newer.owns(1))
            # It commits nothing: its next heartbeat tells.
            eventually(lambda: older.consumer.lease_until == NEVER)
            assert older.lane.failure is None
