"""The committed dashboard as a test reads it: its panels, and its expressions as Grafana would send them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FILE: Final = Path("deploy/helm/segment-relay/files/dashboard.json")


@dataclass(frozen=True, slots=True)
class Expression:
    """One query, and where it stands."""

    where: str
    text: str


def read() -> dict[str, Any]:
    """The whole file."""
    loaded: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
    return loaded


def panels() -> list[dict[str, Any]]:
    """All panels but the rows' lines."""
    return [panel for panel in read()["panels"] if panel["type"] != "row"]


def expressions(**variables: str) -> list[Expression]:
    """Every query of panels and annotations, with these values of Grafana's variables.

    What is not given is what *All* gives; a rate looks at all that there was.
    """
    usual = {"namespace": ".*", "job": ".*", "destination": ".*", "__rate_interval": "15m", "__range": "1h"}
    values = {**usual, **variables}
    return [Expression(where, _replaced(text, values)) for where, text in _all()]


def _all() -> Iterator[tuple[str, str]]:
    for panel in panels():
        for target in panel["targets"]:
            yield f"{panel['title']} {target['refId']}", target["expr"]
    for annotation in read()["annotations"]["list"]:
        yield annotation["name"], annotation["expr"]


def _replaced(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"${name}", value)
    assert "$" not in text, text
    return text
