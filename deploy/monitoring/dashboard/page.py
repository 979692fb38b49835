"""The whole dashboard: its variables, its rows, and where each panel stands."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Final

from deploy.monitoring.dashboard import in_and_out, kafka, latency, process, waiting, well
from deploy.monitoring.dashboard.grafana import SOURCE, Json, Row
from deploy.monitoring.dashboard.promql import PREFIX, WORKERS

UID: Final = "segment-relay"
WIDTH: Final = 24
# Grafana 10 has 38 to 39, 12 has 41 to 42; each reads older ones, and none of what changed since is used here.
SCHEMA: Final = 39
RUNBOOKS: Final = "https://runbooks.example.com/segment-relay"
ROWS: Final = (well.ROW, in_and_out.ROW, latency.ROW, waiting.ROW, kafka.ROW, process.ROW)
ALL: Final = {"selected": True, "text": ["All"], "value": ["$__all"]}


def text() -> str:
    """The file."""
    return json.dumps(dashboard(), indent=1, ensure_ascii=False) + "\n"


def dashboard() -> Json:
    """As Grafana reads it."""
    return {
        "uid": UID,
        "title": "segment-relay",
        "description": "Segment events from Kafka to HTTP destinations. The first row says which destination is ill, "
        "and why; the others say more. What has one name in several namespaces or jobs is taken together below the "
        "first table: choose one above.",
        "tags": ["segment-relay", "kafka"],
        "schemaVersion": SCHEMA,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": list(_variables())},
        "annotations": {"list": [_starts()]},
        "links": [_all_runbooks()],
        "panels": list(_placed(ROWS)),
    }


def _placed(rows: Iterable[Row]) -> Iterator[Json]:
    """Each row's panels from the left; the next line begins where one finds no room."""
    numbers, y = count(1), 0
    for row in rows:
        yield {
            "id": next(numbers),
            "type": "row",
            "title": row.title,
            "collapsed": False,
            "gridPos": {"h": 1, "w": WIDTH, "x": 0, "y": y},
            "panels": [],
        }
        y, x, height = y + 1, 0, 0
        for panel in row.panels:
            if x + panel.width > WIDTH:
                x, y, height = 0, y + height, 0
            yield panel.json(next(numbers), x, y)
            x, height = x + panel.width, max(height, panel.height)
        y += height


def _variables() -> Iterator[Json]:
    yield {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "refresh": 1,
        "regex": "",
    }
    # Series without a namespace: All takes them, too.
    yield _values("namespace", "Namespace", f"{PREFIX}build_info", all_value=".*")
    # Not so here: the metrics of a process have the same names in every job.
    yield _values("job", "Job", f'{PREFIX}build_info{{namespace=~"$namespace"}}', all_value=None)
    yield _values("destination", "Destination", f"{PREFIX}destination_state{{{WORKERS}}}", all_value=".*")
    yield {
        "name": "runbooks",
        "label": "Where the runbooks are",
        "type": "constant",
        "query": RUNBOOKS,
        "hide": 2,
        "skipUrlSync": True,
    }


def _values(label: str, title: str, series: str, *, all_value: str | None) -> Json:
    query = f"label_values({series}, {label})"
    variable: Json = {
        "name": label,
        "label": title,
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": query, "refId": label},
        "hide": 0,
        "includeAll": True,
        "multi": True,
        "refresh": 2,
        "regex": "",
        "sort": 1,
        "current": ALL,
    }
    return variable if all_value is None else {**variable, "allValue": all_value}


def _starts() -> Json:
    return {
        "name": "A worker started",
        "datasource": SOURCE,
        "enable": True,
        "hide": False,
        "iconColor": "blue",
        "expr": well.STARTS,
        "titleFormat": "a worker started",
        "textFormat": "{{pod}} {{instance}}",
        "tagKeys": "version",
        "useValueForTime": True,
    }


def _all_runbooks() -> Json:
    return {
        "title": "Runbooks",
        "type": "link",
        "url": "${runbooks}/",
        "icon": "doc",
        "tooltip": "What to do about each alert",
        "targetBlank": True,
        "asDropdown": False,
        "includeVars": False,
        "keepTime": False,
        "tags": [],
    }
