"""The worker as a user would start it: what it is told, and by what command."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

Tables: TypeAlias = Mapping[str, Mapping[str, object]]


def wigzo(url: str, **more: object) -> Tables:
    """A destination; ``more`` of its settings, of which those that are empty or 0 are left to the worker."""
    return _destination("wigzo", more, base_url=url, org_token="sandbox-org-token")  # noqa: S106  (the stand-in's)


def wootric(url: str) -> Tables:
    return _destination(
        "wootric",
        {},
        api_url=url,
        eligibility_url=url,
        account_token="NPS-5a4db0c1",  # noqa: S106  (the stand-in's)
        client_id="sandbox-client-id",
        client_secret="sandbox-client-secret",  # noqa: S106  (the stand-in's)
    )


def _destination(mapping: str, more: Mapping[str, object], **settings: str) -> Tables:
    said = {name: value for name, value in more.items() if value}
    return {
        f"destinations.{mapping}": {"mapping": mapping, "start_at": "earliest", **said},
        f"destinations.{mapping}.settings": settings,
    }


@dataclass(frozen=True, slots=True)
class Launch:
    """``kafka``: what else is said of it. ``folder`` is for the file of the settings, and the log."""

    bootstrap: Sequence[str]
    topic: str
    group: str
    destinations: Tables
    folder: Path
    kafka: Mapping[str, object] = field(default_factory=dict)

    def settings(self, name: str) -> Path:
        """Where those of the worker of that name stand."""
        return self.folder / f"{name}.toml"

    def arguments(self, name: str, admin: str) -> tuple[str, ...]:
        """Python's, for a worker of that name with its admin port there. Writes its settings."""
        tables: Tables = {
            "kafka": {
                "bootstrap_servers": list(self.bootstrap),
                "topics": [self.topic],
                "group": self.group,
                **self.kafka,
            },
            "worker": {"admin_address": admin, "log_format": "json"},
            **self.destinations,
        }
        self.settings(name).write_text("\n".join(_table(*each) for each in tables.items()), encoding="utf-8")
        return ("-m", "worker.cli", "run", "--config", str(self.settings(name)))


def _table(name: str, entries: Mapping[str, object]) -> str:
    """Texts, numbers and lists of them are written alike in JSON and TOML."""
    return "\n".join((f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in entries.items()), ""))
