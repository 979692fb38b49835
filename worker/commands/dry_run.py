"""``segment-relay run --dry-run``: what would be sent, and what would not, over real topics. Nothing is."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from worker.adapters.cluster import KafkaRefused, forget_group
from worker.adapters.connection import reach
from worker.app import leave_at_once, serve
from worker.commands.findings import counted
from worker.config import DestinationSettings, Settings, SetupError, connection_of, secrets_of
from worker.core.reasons import REASONS
from worker.core.tally import Tally
from worker.dry_run import DryRun, settings_for_it
from worker.logs import Guard, set_up
from worker.start import prepare_dry_run

ENDS: Final = {
    "delivered": "would be delivered",
    "filtered": "filtered",
    "skipped": "skipped",
    "dead-lettered": "would be dead letters",
}
ASSUMED: Final = (
    "Answers were assumed: nobody is known to a destination of whom nothing was written before in this run, and to "
    "everything else it says yes."
)


def run(settings: Settings, *, until_caught_up: bool, anew: bool, tell: Callable[[str], None]) -> int:
    """Run until told to stop, or caught up; then tell what would have been. Raises SetupError, KafkaNotReached."""
    own = settings_for_it(settings)
    guard = Guard(secrets_of(own))
    log = set_up(own.worker.log_format, own.worker.log_level, guard)
    connection = connection_of(own)
    signal.signal(signal.SIGTERM, leave_at_once)
    if anew:
        reach(connection, own.worker.start_timeout, log)
        try:
            for destination in own.destinations.values():
                forget_group(connection, destination.group)
        except KafkaRefused as error:
            raise SetupError([f"--anew: {error}"]) from None
    prepare_dry_run(own, connection, log)
    worker = DryRun(own, connection, log, guard, until_caught_up=until_caught_up)
    code = serve(worker)
    for line in summary([(own.destinations[runner.name], runner.tally) for runner in worker.runners]):
        tell(line)
    return code


def summary(runs: Iterable[tuple[DestinationSettings, Tally]]) -> Iterator[str]:
    """What is said at the end: each destination's events by what would become of them, and its requests."""
    yield "Dry run: nothing was sent, and no dead letter was written."
    yield ASSUMED
    for destination, tally in runs:
        yield ""
        yield f"{destination.name}: {counted(tally.consumed.total(), 'event')}"
        yield from _events(destination, tally)
        yield from _requests(tally)
        yield f"  The next dry run goes on where this one ended (the group {destination.group}), or --anew at start_at."


def _events(destination: DestinationSettings, tally: Tally) -> Iterator[str]:
    meanings = {**REASONS, **destination.destination.reasons}
    for (outcome, reason), events in sorted(tally.settled.items(), key=_most_first):
        why = f", {reason}: {meanings.get(reason, 'no further explanation')}" if reason else ""
        yield f"{events:>12,}  {ENDS[outcome]}{why}"


def _requests(tally: Tally) -> Iterator[str]:
    sent: Counter[str] = Counter()
    for (operation, _), requests in tally.requests.items():
        sent[operation] += requests
    if sent:
        yield f"  in {counted(sent.total(), 'request')}, none of which was sent"
    for operation, requests in sorted(sent.items(), key=_most_first):
        yield f"{requests:>12,}  {operation}"


def _most_first(item: tuple[object, int]) -> tuple[int, str]:
    return -item[1], str(item[0])
