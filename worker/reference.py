"""The reference pages, made from the declarations: ``python -m worker.reference docs`` writes them anew.

With the schema of the Helm chart's values behind it, it writes what ``config`` may be there, too.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mappings.contract import Destination
from worker import destinations, metrics
from worker.core import reasons
from worker.settings import schema
from worker.settings.declared import REQUIRED, Setting, of_account, of_table
from worker.settings.tables import DestinationTable, KafkaSettings, WorkerSettings

MADE = "<!-- Made by `python -m worker.reference docs`; change the declarations instead. -->"
SETTINGS = """# Settings

From a TOML file (`--config`, or `SEGMENT_RELAY_CONFIG`), the environment and secret files; later ones win.
`segment-relay config` shows what counts and where it came from.

* A **duration** is a number of seconds, or text: `"500ms"`, `"10s"`, `"4h"`, `"1h30m"`. A **size** is a number of
  bytes, or text: `"64MiB"`.
* In the **environment** every setting has a name of its own, with two underscores between its parts:
  `kafka.topics` is `SEGMENT_RELAY_KAFKA__TOPICS`, `destinations.my-wigzo.settings.org_token` is
  `SEGMENT_RELAY_DESTINATIONS__MY_WIGZO__SETTINGS__ORG_TOKEN`. A list is written `a,b`. An empty variable counts as
  absent.
* Every **secret** may also be given as a file that holds it: `<setting>_file`. The files of a destination's own
  secrets are read anew while the destination refuses the set-up, so a new token needs no restart.
* What must hold besides: `request_timeout` < `drain_timeout` < `max_poll_interval`; `request_timeout` and
  `heartbeat_interval` at most a third of `session_timeout`. All mistakes are told at once, and the worker does not
  start (exit code 2)."""
METRICS = """# Metrics

At `/metrics` of `worker.admin_address`. Every one but `build_info` has the label `destination` first. No label
holds an event's data, and the series of a partition are gone when the partition is. Reasons of dead letters, causes of
repeats and holds begin at 0, so `increase()` sees their first time; a request's status or a retry's reason does not."""
REASONS = """# Reasons

Why an event was filtered, skipped or became a dead letter: the label `reason` of
`segment_relay_events_settled_total`, and the header `relay-reason` of a dead letter. What is noted of a delivered
event ("unchanged") stands there, too."""


def settings_page() -> str:
    """docs/settings.md"""
    parts = [
        SETTINGS,
        _settings("[kafka]", of_table(KafkaSettings)),
        _settings("[worker]", of_table(WorkerSettings)),
        _settings("[destinations.<name>]", of_table(DestinationTable)),
        *(_settings(f"[destinations.<name>.settings], mapping {n}", of_account(d.settings)) for n, d in own_mappings()),
    ]
    return _page(parts)


def metrics_page() -> str:
    """docs/metrics.md"""
    rows = [(f"`{m.name}`", m.kind, ", ".join(f"`{name}`" for name in m.labels), m.help) for m in metrics.METRICS]
    build = (f"`{metrics.BUILD[0]}`", "gauge", "`version`, `python`, `build`", metrics.BUILD[1])
    return _page([METRICS, _table(("metric", "kind", "labels", "what it says, and what to do"), [*rows, build])])


def reasons_page() -> str:
    """docs/reasons.md"""
    groups: list[tuple[str, Mapping[str, str]]] = [
        ("Filtered or skipped before a destination's mapping sees it", reasons.NOT_WANTED),
        ("Never an event: dead letters", reasons.MALFORMED),
        ("Not delivered, whatever the destination", reasons.NOT_DELIVERED),
        *((f"Mapping {name}", destination.reasons) for name, destination in own_mappings()),
    ]
    tables = [f"## {title}\n\n{_table(('reason', 'what it means'), _reasons(group))}" for title, group in groups]
    return _page([REASONS, *tables])


def chart_schema(before: str) -> str:
    """The schema of the chart's values, its ``config`` made anew."""
    values = json.loads(before)
    values["properties"]["config"] = schema.of_settings(own_mappings())
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def own_mappings() -> list[tuple[str, Destination[Any]]]:
    """The mappings that come with the worker; a stranger's package documents its own."""
    found = destinations.installed().items()
    return [(name, destinations.load(name)) for name, entry in found if entry.module.startswith("mappings.")]


def _reasons(group: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    return ((f"`{reason}`", meaning) for reason, meaning in sorted(group.items()))


def _settings(title: str, settings: Mapping[str, Setting]) -> str:
    rows = [(f"`{s.name}`", s.brief, _default(s), _help(s)) for s in settings.values()]
    return f"## {title}\n\n{_table(('setting', 'expects', 'default', 'what it does'), rows)}"


def _help(setting: Setting) -> str:
    sentence = f"{setting.help[:1].upper()}{setting.help[1:].rstrip('.')}."
    return f"{sentence} Secret." if setting.secret else sentence


def _default(setting: Setting) -> str:
    if setting.default is REQUIRED:
        return "**required**"
    return "" if setting.default is None else f"`{setting.show(setting.default)}`"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def _page(parts: Iterable[str]) -> str:
    return "\n\n".join([MADE, *parts]) + "\n"


PAGES = {"settings.md": settings_page, "metrics.md": metrics_page, "reasons.md": reasons_page}


def write(folder: Path) -> None:
    """Write every page."""
    for name, page in PAGES.items():
        (folder / name).write_text(page(), "utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
    for chart in map(Path, sys.argv[2:]):
        chart.write_text(chart_schema(chart.read_text("utf-8")), "utf-8")
