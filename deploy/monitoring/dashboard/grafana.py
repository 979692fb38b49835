"""Panels as values, and Grafana's JSON of them. What is left out is Grafana's default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any, Final, Literal, TypeAlias

Json: TypeAlias = dict[str, Any]
Step: TypeAlias = tuple[float | None, str]  # from this value on, this colour; the first one's value is None

SOURCE: Final[Json] = {"type": "prometheus", "uid": "${datasource}"}
# How often workers are scraped at most: a rate over less than two scrapes is none (then a line has holes).
SCRAPES: Final = "30s"
RED_ABOVE_0: Final[Sequence[Step]] = ((None, "green"), (0.5, "red"))


@dataclass(frozen=True, slots=True)
class Query:
    """One expression. ``legend`` names a series by its labels."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """``runbooks`` are names of alerts; ``body`` is whatever only this kind of panel has."""

    kind: Literal["timeseries", "table", "state-timeline"]
    title: str
    description: str
    queries: Sequence[Query]
    width: int
    height: int
    body: Json
    runbooks: Sequence[str] = ()

    def json(self, number: int, x: int, y: int) -> Json:
        """The panel at this place."""
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "gridPos": {"h": self.height, "w": self.width, "x": x, "y": y},
            "datasource": SOURCE,
            "targets": [
                self._target(letter, query) for letter, query in zip(ascii_uppercase, self.queries, strict=False)
            ],
            **({"links": [_runbook(name) for name in self.runbooks]} if self.runbooks else {}),
            **self.body,
        }

    def _target(self, letter: str, query: Query) -> Json:
        target = {"refId": letter, "editorMode": "code", "expr": query.expr}
        if self.kind == "table":
            return {**target, "format": "table", "instant": True, "range": False}
        return {**target, "legendFormat": query.legend, "interval": SCRAPES}


@dataclass(frozen=True, slots=True)
class Row:
    """A line across the page, and the panels below it, which fill it from the left."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, slots=True)
class Column:
    """One query of a table. ``words`` stand for its values, ``steps`` colour its cells."""

    title: str
    expr: str
    unit: str = "short"
    words: Sequence[tuple[str, str]] = ()
    steps: Sequence[Step] = ()
    decimals: int | None = None
    width: int | None = None

    def override(self) -> Json:
        """What is this column's alone."""
        properties: Json = {"unit": self.unit}
        if self.words:
            properties["mappings"] = value_mappings(self.words)
        if self.steps:
            properties["thresholds"] = thresholds(self.steps)
        if self.words or self.steps:
            properties["custom.cellOptions"] = {"type": "color-background", "mode": "basic"}
        if self.decimals is not None:
            properties["decimals"] = self.decimals
        if self.width is not None:
            properties["custom.width"] = self.width
        return by_name(self.title, properties)


def lines(
    title: str,
    description: str,
    *queries: Query,
    unit: str,
    runbooks: Sequence[str] = (),
    width: int = 8,
    stacked: bool = False,
    steps: Sequence[Step] = (),
    log_scale: bool = False,
    least: float | None = 0,
    most: float | None = None,
    nothing: str | None = None,
) -> Panel:
    """Lines over time, or areas one above another. ``nothing``: what is said where there is no series."""
    custom: Json = {"lineWidth": 1, "fillOpacity": 8, "showPoints": "never"}
    if stacked:
        custom |= {"fillOpacity": 50, "lineWidth": 0, "stacking": {"mode": "normal", "group": "A"}}
    if log_scale:
        custom["scaleDistribution"] = {"type": "log", "log": 10}
    defaults: Json = {"unit": unit, "custom": custom}
    if steps:
        custom["thresholdsStyle"] = {"mode": "line"}
        defaults["thresholds"] = thresholds(steps)
    if least is not None and not log_scale:
        defaults["min"] = least
    if most is not None:
        defaults["max"] = most
    if nothing is not None:
        defaults["noValue"] = nothing
    body: Json = {
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
    }
    return Panel("timeseries", title, description, queries, width, 7, body, runbooks)


def timeline(
    title: str,
    description: str,
    query: Query,
    words: Sequence[tuple[str, str]],
    *,
    runbooks: Sequence[str],
    nothing: str,
    width: int = 8,
) -> Panel:
    """A band for each series, with its word and colour at each moment."""
    defaults: Json = {
        "unit": "none",
        "noValue": nothing,
        "mappings": value_mappings(words),
        "custom": {"fillOpacity": 80, "lineWidth": 0},
    }
    body: Json = {
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": {
            "mergeValues": True,
            "showValue": "auto",
            "alignValue": "left",
            "rowHeight": 0.9,
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False, "calcs": []},
            "tooltip": {"mode": "single", "sort": "none"},
        },
    }
    return Panel("state-timeline", title, description, [query], width, 7, body, runbooks)


def table(
    title: str,
    description: str,
    columns: Sequence[Column],
    *,
    first: Sequence[str] = (),
    hidden: Sequence[str] = (),
    overrides: Sequence[Json] = (),
    sort: tuple[str, bool] | None = None,
    runbooks: Sequence[str] = (),
    width: int = 24,
    height: int = 7,
    nothing: str | None = None,
) -> Panel:
    """One line for each set of labels, one column for each label and query.

    ``first`` are the labels that come before the queries. ``sort``: by what, and whether falling.
    """
    values = {f"Value #{letter}" if len(columns) > 1 else "Value": one for letter, one in _lettered(columns)}
    defaults: Json = {"unit": "short", "custom": {"align": "left", "filterable": False}}
    if nothing is not None:
        defaults["noValue"] = nothing
    body: Json = {
        "fieldConfig": {"defaults": defaults, "overrides": [*(one.override() for one in columns), *overrides]},
        "options": {
            "cellHeight": "sm",
            "showHeader": True,
            "sortBy": [] if sort is None else [{"displayName": sort[0], "desc": sort[1]}],
        },
        "transformations": _merged((*first, *values), {name: one.title for name, one in values.items()}, hidden),
    }
    return Panel("table", title, description, [Query(one.expr) for one in columns], width, height, body, runbooks)


def _merged(order: Sequence[str], titles: Mapping[str, str], hidden: Sequence[str]) -> list[Json]:
    """All queries' columns in one line for each set of labels; what is not in ``order`` stands behind."""
    organized: Json = {
        "excludeByName": dict.fromkeys(("Time", *hidden), True),
        "renameByName": dict(titles),
        "indexByName": {name: place for place, name in enumerate(order)},
    }
    return [{"id": "merge", "options": {}}, {"id": "organize", "options": organized}]


def by_name(name: str, properties: Mapping[str, Any]) -> Json:
    """What holds for one column alone."""
    return {
        "matcher": {"id": "byName", "options": name},
        "properties": [{"id": key, "value": value} for key, value in properties.items()],
    }


def thresholds(steps: Sequence[Step]) -> Json:
    """Colours by value."""
    return {"mode": "absolute", "steps": [{"value": value, "color": color} for value, color in steps]}


def value_mappings(words: Sequence[tuple[str, str]]) -> list[Json]:
    """A word and a colour for 0, 1, 2, …"""
    options = {str(code): {"text": text, "color": color, "index": code} for code, (text, color) in enumerate(words)}
    return [{"type": "value", "options": options}]


def _lettered(columns: Sequence[Column]) -> Sequence[tuple[str, Column]]:
    return list(zip(ascii_uppercase, columns, strict=False))


def _runbook(alert: str) -> Json:
    return {"title": f"Runbook: {alert}", "type": "link", "url": f"${{runbooks}}/{alert}.md", "targetBlank": True}
