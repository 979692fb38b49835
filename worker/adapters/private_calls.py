"""Every use of kafka-python's insides, and why its public calls do not do.

The dependency is held below 3.1, and tests/kafka/test_private_calls.py fails when one of these changes.

kafka-python does all its input and output on a thread of its own, with an event loop of its own that is not asyncio's.
What is called here "on the I/O thread" runs there, also while ``poll()`` waits for a rebalance listener. That is the
point of most of it: partitions that stay must be committed while others are drained.
"""

# ruff: noqa: SLF001  (here, and nowhere else)

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from typing import Any

from kafka import KafkaConsumer, OffsetAndMetadata
from kafka import TopicPartition as KafkaPartition
from kafka.errors import CoordinatorNotAvailableError, FencedInstanceIdError, RebalanceInProgressError
from kafka.future import Future

from worker.adapters.generous import Generous
from worker.adapters.lease import Lease

Offsets = Mapping[KafkaPartition, OffsetAndMetadata]
Requests = Callable[[], Awaitable[object]]


class Ended(Exception):  # noqa: N818  (not a fault: the consumer was closed, or ended by an error that it tells itself)
    """The consumer's I/O thread has ended."""


def on_io_thread(consumer: KafkaConsumer, coroutine: Callable[..., Awaitable[object]], *arguments: object) -> None:
    """Run a coroutine function there, soon. From any thread; its exceptions are dropped, so it must have none.

    Raises Ended.
    """
    try:
        consumer._client._manager.call_soon(coroutine, *arguments)
    except Exception as error:  # the selector raises whatever ended it
        raise Ended from error


def finish(consumer: KafkaConsumer, future: Future, value: object) -> None:
    """Give a future that the I/O thread awaits its value, once. From any thread.

    ``future.success`` from another thread would wake nobody: the loop would go on at its next heartbeat.
    """

    async def give() -> None:
        if not future.is_done:
            future.success(value)

    with suppress(Ended):  # then nobody waits any more
        on_io_thread(consumer, give)


async def wait_for(consumer: KafkaConsumer, future: Future, seconds: float) -> Any:
    """The future's value. On the I/O thread. Raises KafkaTimeoutError."""
    return await consumer._client._manager.wait_for(future, int(seconds * 1000))


async def sleep(consumer: KafkaConsumer, seconds: float) -> None:
    """On the I/O thread, whose loop is not asyncio's."""
    await consumer._client._net.sleep(seconds)


async def commit(consumer: KafkaConsumer, offsets: Offsets, seconds: float) -> None:
    """Commit once, without retries. On the I/O thread. Raises the KafkaError that says why not.

    Public ``commit`` may not be called there. Public ``commit_async`` returns the look-up of the coordinator where that
    is unknown, which can succeed with nothing committed, and tells the true result only in a later ``poll()``.
    """
    coordinator = consumer._coordinator
    if not await coordinator.ensure_coordinator_ready_async(timeout_ms=int(seconds * 1000)):
        raise CoordinatorNotAvailableError
    await coordinator._send_offset_commit_request(dict(offsets))


def committed(consumer: KafkaConsumer, partitions: Collection[KafkaPartition], seconds: float) -> Offsets:
    """What the group committed, with metadata: one request, where public ``committed`` makes one a partition.

    On the consumer's own thread. Partitions without a commit are left out. Raises KafkaError.
    """
    found: Offsets = consumer._coordinator.fetch_committed_offsets(partitions, timeout_ms=int(seconds * 1000))
    return found


def refresh_metadata(consumer: KafkaConsumer, seconds: float) -> None:
    """Learn the topics anew. On the consumer's own thread; public calls ask for all topics of the cluster, or for none.

    Raises KafkaError, also where the only topic is gone.
    """
    future = consumer._cluster.request_update()
    consumer._net.run(consumer._manager.wait_for, future, int(seconds * 1000))


def topic_id(consumer: KafkaConsumer, topic: str) -> bytes | None:
    """Kafka's own, 16 bytes, as the last metadata had it; ``None`` where the topic or its id is unknown. No request."""
    found = consumer._cluster.topic_id(topic)
    return found.bytes if found is not None and found.int else None


def partitions_of(consumer: KafkaConsumer, topic: str) -> frozenset[KafkaPartition]:
    """As the last metadata had them. No request.

    Public ``partitions_for_topic`` asks for all topics of the cluster where this one is gone, and waits without end.
    """
    numbers = consumer._cluster.partitions_for_topic(topic) or ()
    return frozenset(KafkaPartition(topic, number) for number in numbers)


def positions(consumer: KafkaConsumer) -> dict[KafkaPartition, int]:
    """The next offset of each assigned partition that has one.

    Public ``position`` goes through four look-ups for each partition, and may send requests.
    """
    return {partition: each.offset for partition, each in consumer._subscription.all_consumed_offsets().items()}


def unpark(consumer: KafkaConsumer) -> None:
    """Before each poll: give back what was fetched of a partition that was paused meanwhile and is resumed.

    kafka-python parks such records, and takes them up again only where its place for the partition being handed out is
    ``None``. It leaves a drained one there, which is not, so that the partition is neither handed out nor fetched until
    the next pause: alive, and stuck for ever.
    """
    fetcher = consumer._fetcher
    if not fetcher._next_partition_records:
        fetcher._next_partition_records = None


def keep(lease: Lease, consumer: KafkaConsumer, clock: Callable[[], float]) -> None:
    """Renew the lease by heartbeats and joins, and end it where this member falls out of its group or leaves it.

    Call it before the first poll. kafka-python says publicly only when a heartbeat was answered last; what counts is
    when the answered one was sent.
    """
    coordinator = consumer._coordinator
    coordinator._send_heartbeat_request = _beating(coordinator._send_heartbeat_request, lease, clock)
    coordinator._do_join_and_sync_async = _joining(coordinator._do_join_and_sync_async, lease, clock)
    for name in ("reset_generation", "maybe_leave_group_async"):
        setattr(coordinator, name, _ending(getattr(coordinator, name), lease))


def _beating(heartbeat: Requests, lease: Lease, clock: Callable[[], float]) -> Requests:
    async def beating() -> None:
        sent = clock()
        try:
            await heartbeat()
        except RebalanceInProgressError:  # a good answer, too: the coordinator keeps the member
            lease.renew(sent)
            raise
        except FencedInstanceIdError:
            lease.end()
            raise
        lease.renew(sent)

    return beating


def _joining(join: Requests, lease: Lease, clock: Callable[[], float]) -> Requests:
    async def joining() -> object:
        sent = clock()
        assignment = await join()
        lease.renew(sent)
        return assignment

    return joining


def _ending(leave: Callable[..., object], lease: Lease) -> Callable[..., object]:
    def ending(*arguments: object, **options: object) -> object:
        lease.end()
        return leave(*arguments, **options)

    return ending


def receive_more_at_once(consumer: KafkaConsumer) -> None:
    """Read from sockets in large pieces. Call it before the first poll.

    kafka-python asks for 4 KiB at a time. Each of these calls lets go of the interpreter's lock, and has to wait for it
    again while the lane works: 2,500 times a second at 15 MB/s.
    """
    manager = consumer._client._manager
    build = manager._build_transport

    async def building(*arguments: object, **options: object) -> Any:
        transport = await build(*arguments, **options)
        transport._sock = Generous(transport._sock)
        return transport

    manager._build_transport = building


def prepare_anew(consumer: KafkaConsumer) -> None:
    """Tell of partitions as lost also when this member falls out of its group while it joins. Before the first poll.

    kafka-python prepares a join once, however often it is tried, and only then tells what is lost. A member that was
    put out meanwhile (it was stopped while its join was on its way) joined again with partitions that others had owned
    since, and went on from where it had been. Java's client prepares again, too.
    """
    coordinator = consumer._coordinator
    reset = coordinator.reset_generation

    def falling_out(*arguments: object, **options: object) -> None:
        coordinator.rejoining = False
        reset(*arguments, **options)

    coordinator.reset_generation = falling_out


def finish_join(consumer: KafkaConsumer) -> None:
    """Before each poll: go on with a join that the poll before had no time to finish.

    kafka-python forgets one that a change of metadata has led to (a topic gained partitions, was deleted or made anew)
    once this member, as the leader, has given out the partitions: from then on nothing tells it that it must join.
    Without this it would wait for no answer, send no heartbeats, and keep its partitions: alive, and stuck for ever.
    """
    coordinator = consumer._coordinator
    if coordinator.rejoining and not coordinator.need_rejoin():
        coordinator.request_rejoin()


def rejoin(consumer: KafkaConsumer) -> None:
    """Join the group anew at the next poll, keeping what is owned.

    Public ``unsubscribe`` and ``subscribe`` would drop the partitions without a word to the listener.
    """
    consumer._coordinator.request_rejoin()


def whom_it_follows(consumer: KafkaConsumer) -> Callable[[], str]:
    """The member that the last answer to a join called the leader. Call it before the first poll.

    kafka-python does not keep it, and its public calls say nothing of it.
    """
    coordinator = consumer._coordinator
    process = coordinator._process_join_group_response
    leader = ""

    def processing(response: Any, sent: float) -> Any:
        nonlocal leader
        joined = process(response, sent)
        leader = joined.leader
        return joined

    coordinator._process_join_group_response = processing
    return lambda: leader


def read_while_joining(consumer: KafkaConsumer) -> None:
    """Go on reading what is owned while a join waits for the group's other members. Call it before the first poll.

    kafka-python gives out nothing meanwhile. So each round stood everybody still until the last member had heard of it
    by its heartbeat, and one that had to wait for a member that was killed, for all of its session. Partitions are only
    taken away by the answer to a join, since the assignor is cooperative; and the lease says for how long they are
    surely this member's. Java's client reads on, too.
    """
    coordinator, owned = consumer._coordinator, consumer._subscription
    poll = coordinator.poll

    def polling(timeout_ms: float | None = None) -> bool:
        if poll(timeout_ms=timeout_ms):
            return True
        joining = coordinator._join_task
        # Where a partition has no place yet, the group would be asked for it, which does not answer now.
        return joining is not None and not joining.is_done and owned.has_all_fetch_positions()

    coordinator.poll = polling
