"""kafka-python's insides are as worker/adapters/private_calls.py takes them to be.

A failure here after an update of kafka-python means: read that module's reasons again, then its code.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import kafka
import pytest
from kafka.cluster import ClusterMetadata
from kafka.consumer.fetcher import Fetcher
from kafka.consumer.subscription_state import SubscriptionState
from kafka.coordinator.base import BaseCoordinator
from kafka.coordinator.consumer import ConsumerCoordinator
from kafka.net.manager import KafkaConnectionManager
from kafka.net.selector import NetworkSelector
from kafka.net.transport import KafkaSSLTransport, KafkaTCPTransport

from tests.kafka.doubles import Member, create, eventually
from worker.adapters import private_calls
from worker.adapters.generous import Generous
from worker.sandbox.brokers import Cluster

ADAPTERS = Path(private_calls.__file__).parent


def parameters(function: Any) -> list[str]:
    return list(inspect.signature(function).parameters)


def test_the_version_is_one_whose_insides_were_read() -> None:
    assert kafka.__version__.startswith("3.0.")


def test_a_commit_is_one_coroutine_that_takes_the_offsets() -> None:
    assert inspect.iscoroutinefunction(ConsumerCoordinator._send_offset_commit_request)
    assert parameters(ConsumerCoordinator._send_offset_commit_request) == ["self", "offsets"]


def test_the_coordinator_can_be_waited_for_on_the_io_thread() -> None:
    assert inspect.iscoroutinefunction(ConsumerCoordinator.ensure_coordinator_ready_async)
    assert parameters(ConsumerCoordinator.ensure_coordinator_ready_async) == ["self", "timeout_ms"]


def test_commits_are_fetched_for_all_partitions_at_once() -> None:
    assert parameters(ConsumerCoordinator.fetch_committed_offsets) == ["self", "partitions", "timeout_ms"]


def test_coroutines_are_run_and_futures_awaited_by_the_manager() -> None:
    assert parameters(KafkaConnectionManager.call_soon) == ["self", "coro", "args"]
    assert parameters(KafkaConnectionManager.wait_for) == ["self", "future", "timeout_ms"]
    assert parameters(NetworkSelector.sleep) == ["self", "delay"]


def test_positions_and_the_wish_to_rejoin_are_where_they_were() -> None:
    assert parameters(SubscriptionState.all_consumed_offsets) == ["self"]
    assert parameters(ConsumerCoordinator.request_rejoin) == ["self"]


def test_heartbeats_joins_and_exits_are_where_the_lease_listens() -> None:
    """One heartbeat at a time, each called through the instance: what is put there is what is called."""
    for name in ("_send_heartbeat_request", "_do_join_and_sync_async"):
        assert inspect.iscoroutinefunction(getattr(BaseCoordinator, name))
        assert parameters(getattr(BaseCoordinator, name)) == ["self"]
    assert "await self._send_heartbeat_request()" in inspect.getsource(BaseCoordinator._do_heartbeat)
    assert "call_soon(self._do_join_and_sync_async)" in inspect.getsource(BaseCoordinator.join_group_async)
    loop = inspect.getsource(BaseCoordinator._heartbeat_loop)
    assert "await self._do_heartbeat()" in loop
    assert "await self.maybe_leave_group_async()" in loop
    for source in (BaseCoordinator._handle_heartbeat_response, ConsumerCoordinator._handle_offset_commit_response):
        assert inspect.getsource(source).count("self.reset_generation(") == 2


def test_a_leader_that_comes_back_is_still_not_told_so() -> None:
    """Else worker.adapters.returning has become needless: from version 9 on Kafka tells it."""
    joining = inspect.getsource(BaseCoordinator._do_join_and_sync_async)
    assert "max_version=7)" in joining
    assert "self._process_join_group_response(join_response, join_send_time)" in joining
    assert parameters(BaseCoordinator._process_join_group_response) == ["self", "response", "send_time"]


def test_a_poll_gives_out_nothing_while_a_join_waits_and_asks_its_coordinator_whether_one_does() -> None:
    """Else ``read_while_joining`` has become needless, or is not asked."""
    source = inspect.getsource(kafka.KafkaConsumer._poll_once)
    assert "if not self._coordinator.poll(timeout_ms=timer.timeout_ms):" in source
    assert parameters(ConsumerCoordinator.poll) == ["self", "timeout_ms"]
    assert parameters(SubscriptionState.has_all_fetch_positions) == ["self"]
    assert "leave self._join_task in flight" in inspect.getsource(BaseCoordinator.join_group_async)


def test_the_topics_and_their_ids_are_read_where_they_were() -> None:
    assert parameters(ClusterMetadata.request_update) == ["self"]
    assert parameters(ClusterMetadata.topic_id) == ["self", "topic_name"]
    assert parameters(ClusterMetadata.partitions_for_topic) == ["self", "topic"]
    assert parameters(NetworkSelector.run) == ["self", "coro", "args"]


def test_a_join_under_way_is_still_forgotten_after_new_metadata() -> None:
    """Else ``finish_join`` has become needless."""
    assert "self._assignment_snapshot = self._metadata_snapshot" in inspect.getsource(
        ConsumerCoordinator._perform_assignment
    )
    joining = inspect.getsource(BaseCoordinator.join_group_async)
    assert "while self.need_rejoin():" in joining
    assert joining.index("self.rejoining = True") < joining.index("self.rejoining = False")


def test_the_fetcher_still_parks_records_where_it_is_given_them_back() -> None:
    source = inspect.getsource(Fetcher)
    assert "if self._next_partition_records is None:" in source, "unpark() may have become needless, or wrong"
    assert "self._paused_partition_records[tp] = self._next_partition_records" in source


@pytest.mark.parametrize("transport", [KafkaTCPTransport, KafkaSSLTransport])
def test_a_socket_is_still_read_in_small_pieces_and_made_where_another_takes_its_place(transport: Any) -> None:
    """Else ``receive_more_at_once`` has become needless, or is not asked."""
    assert "data = self._sock.recv(4096)" in inspect.getsource(transport._sock_recv)
    assert "await self._build_transport(" in inspect.getsource(KafkaConnectionManager._connect)


@pytest.fixture(scope="module")
def consumer(apache: Cluster) -> Iterator[Any]:
    """kafka-python's own, as a member of a group that has its partition."""
    topic = f"private-{uuid4().hex[:8]}"
    create(apache.bootstrap, topic)
    with Member(apache.bootstrap, topic, group=topic) as member:
        eventually(lambda: member.owns(1))
        yield member.consumer._consumer


@pytest.mark.apache
def test_every_broker_is_read_in_large_pieces(consumer: Any) -> None:
    connected = [each.transport for each in consumer._client._manager._conns.values() if each.connected]
    assert connected
    assert all(isinstance(transport._sock, Generous) for transport in connected)


@pytest.mark.apache
def test_the_whole_path_to_each_of_them_holds(consumer: Any) -> None:
    assert isinstance(consumer._coordinator, ConsumerCoordinator)
    assert isinstance(consumer._subscription, SubscriptionState)
    assert isinstance(consumer._fetcher, Fetcher)
    assert isinstance(consumer._client._manager, KafkaConnectionManager)
    assert isinstance(consumer._client._net, NetworkSelector)
    assert isinstance(consumer._net, NetworkSelector)
    assert isinstance(consumer._manager, KafkaConnectionManager)
    assert isinstance(consumer._cluster, ClusterMetadata)


def test_no_other_adapter_touches_what_is_private() -> None:
    others = [file for file in ADAPTERS.glob("*.py") if file.name != "private_calls.py"]
    assert [] == [f"{file.name}:{line}" for file in others for line in private_accesses(file)]


def private_accesses(file: Path) -> list[int]:
    """Lines that read a name with a leading underscore of anything but ``self`` or ``super()``."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.startswith("__")
        and not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"))
    ]
