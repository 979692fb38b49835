"""What settings must be to each other. Each check gives one line for each mistake."""

from __future__ import annotations

from collections.abc import Iterator

from worker.settings.problems import Path, wrong
from worker.settings.quantities import show_duration
from worker.settings.tables import DestinationTable, KafkaSettings, WorkerSettings

SIGN_IN = ("sasl_mechanism", "sasl_username", "sasl_password")


def of_kafka(kafka: KafkaSettings) -> Iterator[str]:
    """What proves who the worker is comes as a whole; a session outlives several heartbeats."""
    yield from _sign_in(kafka)
    yield from _pair(kafka, "cert_file", "key_file")
    yield from _pair(kafka, "key_file", "cert_file")
    yield from _at_most(
        ("kafka", "heartbeat_interval"),
        kafka.heartbeat_interval,
        kafka.session_timeout / 3,
        "a third of kafka.session_timeout",
    )


def _sign_in(kafka: KafkaSettings) -> Iterator[str]:
    given = [name for name in SIGN_IN if getattr(kafka, name) is not None]
    if kafka.security_protocol.startswith("SASL"):
        for name in SIGN_IN:
            if name not in given:
                yield wrong(("kafka", name), "nothing", f"one, as kafka.security_protocol is {kafka.security_protocol}")
    elif given:
        found = f'"{kafka.security_protocol}"'
        yield wrong(("kafka", "security_protocol"), found, f"SASL_SSL or SASL_PLAINTEXT, as kafka.{given[0]} is set")


def _pair(kafka: KafkaSettings, one: str, other: str) -> Iterator[str]:
    if getattr(kafka, one) is not None and getattr(kafka, other) is None:
        yield wrong(("kafka", other), "nothing", f"a file, as kafka.{one} is set")


def of_worker(kafka: KafkaSettings, worker: WorkerSettings) -> Iterator[str]:
    """A drain ends before Kafka takes the worker for dead."""
    yield from _less_than(
        ("worker", "drain_timeout"), worker.drain_timeout, kafka.max_poll_interval, "kafka.max_poll_interval"
    )


def of_destination(path: Path, table: DestinationTable, kafka: KafkaSettings, worker: WorkerSettings) -> Iterator[str]:
    """A request under way ends within a drain, and before another worker may own its user."""
    timeout = (*path, "request_timeout")
    yield from _less_than(timeout, table.request_timeout, worker.drain_timeout, "worker.drain_timeout")
    yield from _at_most(timeout, table.request_timeout, kafka.session_timeout / 3, "a third of kafka.session_timeout")
    if table.first_byte_timeout is not None:
        first_byte = (*path, "first_byte_timeout")
        yield from _at_most(first_byte, table.first_byte_timeout, table.request_timeout, "request_timeout")


def _less_than(path: Path, seconds: float, bound: float, name: str) -> Iterator[str]:
    if seconds >= bound:
        yield wrong(path, show_duration(seconds), f"less than {name} ({show_duration(bound)})")


def _at_most(path: Path, seconds: float, bound: float, name: str) -> Iterator[str]:
    if seconds > bound:
        yield wrong(path, show_duration(seconds), f"at most {name} ({show_duration(bound)})")
