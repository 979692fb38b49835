"""``segment-relay check``: is everything ready for ``run``? Each line as soon as it is known."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterator
from typing import Any

from worker.adapters.connection import Connection, KafkaNotReached, reach
from worker.commands import check_destination, check_kafka
from worker.commands.exits import Exit
from worker.commands.findings import Finding, any_wrong, counted, right, unseen, wrong
from worker.config import Settings, connection_of, secrets_of
from worker.logs import Guard, quiet

PATIENCE = 15.0  # seconds; who checks does not want to wait as long as a start may


class Silent:
    """A log that nobody reads: the finding says it."""

    def info(self, event: str, **fields: Any) -> None: ...
    def warning(self, event: str, **fields: Any) -> None: ...
    def error(self, event: str, **fields: Any) -> None: ...


def run(settings: Settings, tell: Callable[[str], None]) -> int:
    """Check everything, tell each finding, give the exit code."""
    quiet()
    guard = Guard(secrets_of(settings))
    connection = connection_of(settings)
    found: list[Finding] = []
    reached = _reached(settings, connection)
    for finding in _all(settings, connection, reached):
        tell(guard.masked(str(finding)))
        found.append(finding)
    return code(found, reached)


def code(found: Collection[Finding], reached: Finding) -> int:
    """75 where Kafka alone is at fault: it may come back by itself."""
    if not any_wrong(found):
        return Exit.OK
    return Exit.SETUP if any_wrong([finding for finding in found if finding is not reached]) else Exit.NO_KAFKA


def _all(settings: Settings, connection: Connection, reached: Finding) -> Iterator[Finding]:
    destinations = settings.destinations.values()
    yield right(
        f"settings: {counted(len(settings.kafka.topics), 'topic')}, {counted(len(destinations), 'destination')}"
    )
    yield reached
    if not any_wrong([reached]):
        yield from check_kafka.findings(settings, connection, time.time())
    for destination in destinations:
        if destination.policy.enabled:
            yield from asyncio.run(check_destination.findings(destination))
        else:
            yield unseen(f"{destination.name}: is disabled (enabled = false), so it keeps its place and is not asked")


def _reached(settings: Settings, connection: Connection) -> Finding:
    try:
        reach(connection, min(PATIENCE, settings.worker.start_timeout), Silent())
    except KafkaNotReached as error:
        return wrong(f"Kafka: {error}")
    return right(f"Kafka: {', '.join(connection.bootstrap_servers)} answers")
