"""What an expression speaks of, by a parser of PromQL."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import promql_parser
from promql_parser import AggregateExpr, BinaryExpr, MatrixSelector, VectorSelector


@dataclass(frozen=True, slots=True)
class Selected:
    """One selector: a metric, and the labels that it is asked for, each with its operator and value."""

    metric: str
    matchers: tuple[tuple[str, str, str], ...]


@dataclass(slots=True)
class Spoken:
    """Of one expression: its selectors, and the labels that it groups by or matches on."""

    selected: list[Selected] = field(default_factory=list)
    labels: set[str] = field(default_factory=set)


def spoken(text: str) -> Spoken:
    """Raises ValueError where the text is no PromQL."""
    found = Spoken()

    def visit(node: Any) -> bool:
        match node:
            case VectorSelector():
                found.selected.append(_selected(node))
            case MatrixSelector():
                pass  # its selector is visited as well
            case AggregateExpr(modifier=modifier) if modifier is not None:
                found.labels.update(modifier.labels)
            case BinaryExpr(modifier=modifier) if modifier is not None:
                found.labels.update(modifier.matching.labels if modifier.matching else ())
                found.labels.update(modifier.group_labels or ())
        return True

    promql_parser.walk(promql_parser.parse(text), visit)
    return found


def _selected(selector: Any) -> Selected:
    matchers = tuple((one.name, str(one.op), one.value) for one in selector.matchers.matchers)
    return Selected(selector.name, matchers)
