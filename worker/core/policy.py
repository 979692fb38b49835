"""How one destination is served, as plain numbers. Made from the settings; durations are seconds, sizes bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from worker.core.rate import Rate

HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Policy:
    """One destination's share of ``[destinations.<name>]`` (docs/settings.md says what each means).

    ``ready_users`` is no setting.
    """

    integration: str
    enabled: bool = True  # else nothing is read, and what was committed is committed again
    types: frozenset[str] = frozenset()  # empty: all
    events_allowed: tuple[str, ...] = ()  # patterns with ``*``; empty: all
    events_denied: tuple[str, ...] = ()
    consent_categories: tuple[str, ...] = ()
    consent_required: bool = False
    max_age: float | None = None
    concurrency: int | Literal["auto"] = "auto"  # requests open at once; auto: found, up to the maximum
    max_concurrency: int = 2_000
    rate: Rate | None = None  # of the vendor, for all workers together; None: unlimited
    retry_window: float = 4 * HOUR
    reject_guard: int | Literal["off"] = 500  # refused events of different users in a row
    unknown_outcome: Literal["retry", "dead-letter"] = "retry"
    buffer_events: int = 10_000
    buffer_bytes: int = 64 << 20
    # Users whose next event is ready: where nothing is merged, more records are only decoded when there are fewer.
    # Decoded long before its turn, an event has left the processor's caches by then, and thousands of them are what the
    # garbage collector looks through: together a tenth of all the worker's CPU.
    ready_users: int = 200

    @property
    def most_open(self) -> int:
        """Requests that may ever be open at once."""
        return self.max_concurrency if self.concurrency == "auto" else self.concurrency
