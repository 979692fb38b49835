"""A steady stream of numbered events of many users, from a thread, through every failure of Kafka."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from random import Random
from threading import Event, Thread
from types import TracebackType
from typing import Final, Self

from kafka import KafkaProducer

from tests.whole.events import a_track, an_identify

SLICE: Final = 0.05
PATIENCE: Final = 120.0  # seconds for one record, whatever happens to Kafka
MALFORMED: Final = 0.005


class Load:
    """``with`` begins and ends it. At the end everything is in the log, or an error is raised."""

    def __init__(self, bootstrap: Sequence[str], topic: str, *, rate: float, users: int, seed: str) -> None:
        self._random = Random(seed)
        self._users = [f"u{number}@mail.example" for number in range(users)]
        self._next: Counter[str] = Counter()
        self._topic = topic
        self._rate = rate
        self._over = Event()
        self._failed: list[BaseException] = []
        self._producer = KafkaProducer(
            bootstrap_servers=list(bootstrap),
            linger_ms=5,
            delivery_timeout_ms=PATIENCE * 1000,
            max_block_ms=PATIENCE * 1000,
            reconnect_backoff_max_ms=1000,
        )
        self._thread = Thread(target=self._produce, name="load")

    def __enter__(self) -> Self:
        for user in self._users:
            key, value = an_identify(user, traits={"email": user})
            self._producer.send(self._topic, value, key=key).add_errback(self._failed.append)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._producer.flush(timeout=PATIENCE)
        self._producer.close()
        if self._failed and error is None:
            raise self._failed[0]

    def _produce(self) -> None:
        begin, sent = time.monotonic(), 0
        while not self._over.wait(SLICE):
            due = int((time.monotonic() - begin) * self._rate)
            for _ in range(min(due - sent, int(self._rate))):  # after an outage not everything at once
                key, value = self._event()
                self._producer.send(self._topic, value, key=key).add_errback(self._failed.append)
            sent = due

    def _event(self) -> tuple[bytes, bytes]:
        user = self._random.choice(self._users)
        if self._random.random() < MALFORMED:
            return user.encode(), b'{"type": "track", "userId": "' + user.encode()
        number = self._next[user]
        self._next[user] += 1
        key, value = a_track(user, number, name=f"Numbered {number}")
        assert key is not None
        assert value is not None
        return key, value
