"""Dead letters out, on a thread of their own: kafka-python's ``send`` may wait seconds for a topic's metadata."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from queue import Empty, Full, Queue, SimpleQueue
from threading import Thread
from typing import Any, Final, TypeAlias

from kafka import KafkaProducer
from kafka.errors import MessageSizeTooLargeError, RecordListTooLargeError, RetriableError
from kafka.partitioner.default import murmur2

from worker.adapters.connection import Connection, Log, connected

# The lane bounds what it has in hand far below this: a full queue means that the thread stands still.
QUEUED: Final = 10_000
CONNECT_SECONDS: Final = 5.0
DOUBT_SECONDS: Final = 0.2

PRODUCING: Final[dict[str, Any]] = {
    "acks": "all",
    "enable_idempotence": True,
    "max_request_size": 64 << 20,  # the topic's own limit decides, and the broker says so
    "max_block_ms": 5_000,
    "request_timeout_ms": 10_000,
    "delivery_timeout_ms": 30_000,
    "metrics_enabled": False,
}


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """All in-sync replicas have it."""


@dataclass(frozen=True, slots=True)
class ProduceFailed:
    """It is not in the topic, as far as is known. ``reason`` is the error's class name.

    ``transient``: the same may succeed later. ``too_large``: never as it is, but with less in it.
    """

    reason: str
    transient: bool
    too_large: bool


class Withheld(RetriableError):  # type: ignore[misc]  # noqa: N818  (kafka-python has no types; a decision, no fault)
    """Not written: somebody else may own its partition by now."""


Produced: TypeAlias = Acknowledged | ProduceFailed


@dataclass(frozen=True, slots=True)
class _Letter:
    topic: str
    key: bytes | None = field(repr=False)
    value: bytes | None = field(repr=False)
    headers: Sequence[tuple[str, bytes | None]] = field(repr=False)
    ordering_key: bytes | None = field(repr=False)
    done: Callable[[Produced], None]
    may_write: Callable[[], bool]


class Producer:
    """``call`` runs a function soon on the event loop, from any thread (``loop.call_soon_threadsafe``).

    An idempotent kafka-python producer is past all use after one error that is not transient, and fails what is under
    way and all that comes later with *that* error: one record that is too large would make all others look so. So what
    failed that way is sent once more, alone, by a fresh producer, and only that answer counts.
    """

    def __init__(self, connection: Connection, *, call: Callable[..., object], log: Log) -> None:
        self._connection = connection
        self._call = call
        self._log = log
        self._letters: Queue[_Letter | None] = Queue(QUEUED)
        self._doubtful: SimpleQueue[_Letter] = SimpleQueue()
        self._producer: KafkaProducer | None = None
        self._thread = Thread(target=self._main, name="producer", daemon=True)

    def start(self) -> None:
        """Begin; Kafka is connected to when there is a first letter."""
        self._thread.start()

    def send(
        self,
        topic: str,
        *,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes | None]],
        ordering_key: bytes | None,
        done: Callable[[Produced], None],
        may_write: Callable[[], bool] = lambda: True,
    ) -> None:
        """Hand it over, without waiting; ``done`` is called on the event loop, once.

        ``may_write`` is asked last, on the producer's thread: where it says no, nothing is written, and that is a
        failure that may pass.

        Its time is now. Its partition is that of ``ordering_key`` (or of ``key`` where there is none), by Kafka's own
        hash. Two things cannot be sent as they came: a header without a value becomes an empty one, and where key and
        value are both missing the key becomes empty.
        """
        try:
            self._letters.put_nowait(_Letter(topic, key, value, headers, ordering_key, done, may_write))
        except Full:
            self._call(done, ProduceFailed("QueueFull", transient=True, too_large=False))

    def close(self, timeout: float) -> None:
        """Send what is queued, wait for the answers, end; for at most ``timeout`` seconds. Blocks."""
        self._letters.put(None)
        self._thread.join(timeout)

    # --- The thread

    def _main(self) -> None:
        while (letter := self._next()) is not None:
            self._send(letter)
            self._settle_doubts()
        self._disconnect()
        self._settle_doubts()
        self._disconnect()

    def _next(self) -> _Letter | None:
        while True:
            try:
                return self._letters.get(timeout=DOUBT_SECONDS)
            except Empty:
                self._settle_doubts()

    def _send(self, letter: _Letter) -> None:
        try:
            future = self._begin(letter)
        except Exception as error:  # noqa: BLE001  (whatever it is, the lane must have its answer)
            self._failed(letter, error)
        else:
            future.add_callback(lambda _: self._call(letter.done, Acknowledged()))
            future.add_errback(lambda error: self._failed(letter, error))

    def _failed(self, letter: _Letter, error: BaseException) -> None:
        if failure(error).transient:
            self._answer(letter, failure(error))
        else:
            self._doubtful.put(letter)

    def _settle_doubts(self) -> None:
        while not self._doubtful.empty():
            self._disconnect()  # which adds what was under way
            self._answer(doubted := self._doubtful.get(), self._alone(doubted))

    def _alone(self, letter: _Letter) -> Produced:
        try:
            self._begin(letter).get(PRODUCING["delivery_timeout_ms"] / 1000)
        except Exception as error:  # noqa: BLE001  (as above)
            return failure(error)
        return Acknowledged()

    def _answer(self, letter: _Letter, produced: Produced) -> None:
        if isinstance(produced, ProduceFailed):
            self._log.warning("a record was not produced", topic=letter.topic, error=produced.reason)
        self._call(letter.done, produced)

    def _begin(self, letter: _Letter) -> Any:
        if self._producer is None:
            self._producer = connected(KafkaProducer, self._connection, CONNECT_SECONDS, **PRODUCING)
        partition = self._partition(self._producer, letter)
        if not letter.may_write():
            raise Withheld
        return self._producer.send(
            letter.topic,
            key=b"" if letter.key is None and letter.value is None else letter.key,
            value=letter.value,
            headers=[(name, value or b"") for name, value in letter.headers],
            partition=partition,
        )

    def _partition(self, producer: KafkaProducer, letter: _Letter) -> int | None:
        if letter.ordering_key is None:
            return None
        partitions = sorted(producer.partitions_for(letter.topic))
        hashed: int = murmur2(letter.ordering_key) & 0x7FFFFFFF
        return int(partitions[hashed % len(partitions)])

    def _disconnect(self) -> None:
        if self._producer is not None:
            self._producer.close(timeout=PRODUCING["delivery_timeout_ms"] / 1000)
            self._producer = None


def failure(error: BaseException) -> ProduceFailed:
    """What an error means for the record."""
    return ProduceFailed(
        type(error).__name__,
        transient=isinstance(error, RetriableError),
        too_large=isinstance(error, MessageSizeTooLargeError | RecordListTooLargeError),
    )
