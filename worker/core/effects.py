"""What a lane asks of the world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from mappings.contract import Credentials, Event, Request
from worker.core.conversation import Conversation
from worker.core.lookup_cache import Reading
from worker.core.records import Record


@dataclass(slots=True, eq=False)
class Send:
    """One request to make. ``conversation`` is ``None`` for the login's own; ``sent`` is Unix seconds."""

    request: Request
    sent: float
    conversation: Conversation | None
    credentials: Credentials | None = field(default=None, repr=False)
    reading: Reading | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        """The credentials' headers, where the request carries them."""
        return {} if self.credentials is None else self.credentials.headers


@dataclass(frozen=True, slots=True)
class ReadSecrets:
    """Read the secret files anew and say so (``Lane.secrets``), before the next probe of a refused set-up."""


@dataclass(frozen=True, slots=True)
class Note:
    """One line for the log; ``record`` and ``event`` say which event it is about, where it is about one."""

    level: Literal["info", "warning", "error"]
    what: str
    record: Record | None = field(default=None, repr=False)
    event: Event | None = field(default=None, repr=False)
    fields: Mapping[str, object] = field(default_factory=dict, repr=False)
    error: Exception | None = field(default=None, repr=False)


Effect: TypeAlias = Send | ReadSecrets
