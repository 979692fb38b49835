"""What a destination's secret files hold now, asked for while its set-up is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any

from worker.adapters.connection import Log
from worker.config import Settings, SetupError, reload_secrets
from worker.logs import Guard


@dataclass(slots=True, eq=False)
class SecretFiles:
    """One destination's. What cannot be read just now is as it was last; ``guard`` masks every secret that ever was.

    Call it: the mapping's settings, and the texts that are to be masked in what is written of them.
    """

    settings: Settings
    destination: str
    guard: Guard
    log: Log
    _account: Any = field(init=False)

    def __post_init__(self) -> None:
        self._account = self.settings.destinations[self.destination].mapping_settings

    def __call__(self) -> tuple[object, frozenset[str]]:
        try:
            self._account = reload_secrets(self.settings, self.destination)
        except SetupError as error:
            self.log.warning("secret file not read", destination=self.destination, problem=str(error))
        found = frozenset(secrets_in(self._account))
        self.guard.add(found)
        return self._account, found


def secrets_in(account: Any) -> Iterator[str]:
    """The texts of the secret fields of a mapping's settings."""
    for each in fields(account):
        if each.metadata.get("secret") and (value := getattr(account, each.name)):
            yield str(value)
