"""The rules and their unit tests, read: names, labels, what an expression speaks of, which test is of which rule."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

RULES: Final = Path("deploy/helm/segment-relay/files/rules.yaml")
RULE_TESTS: Final = Path("deploy/monitoring/rules_test.yaml")
RUNBOOKS: Final = Path("deploy/runbooks")
RUNBOOK_BASE: Final = "https://runbooks.example.com/segment-relay"

_RECORDED = re.compile(r"\b\w+:\w+:\w+\b")
_METRIC = re.compile(r"\b(segment_relay_\w+)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')


@dataclass(frozen=True, slots=True)
class Rule:
    """One of the group. ``name``: of the alert, or of what it records."""

    name: str
    is_alert: bool
    expression: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]

    @property
    def recorded(self) -> frozenset[str]:
        """What other rules record and this one reads."""
        return frozenset(_RECORDED.findall(self.expression))

    @property
    def metrics(self) -> frozenset[str]:
        """The worker's metrics that it reads."""
        return metrics_in(self.expression)

    @property
    def says(self) -> Mapping[str, str]:
        """What tells it from another alert of the same name."""
        return {"alertname": self.name, **self.labels}


@dataclass(frozen=True, slots=True)
class Case:
    """One question of a unit test about ALERTS: which it asks for, and the labels of those that it expects."""

    test: str
    asks: Mapping[str, str]
    expected: tuple[Mapping[str, str], ...]

    def fires(self, rule: Rule) -> bool:
        return any(rule.says.items() <= labels.items() for labels in self.expected)

    def is_silent_about(self, rule: Rule) -> bool:
        """It asks for this rule by name, and expects nothing."""
        ours = {name: value for name, value in self.asks.items() if name in rule.says}
        return not self.expected and "alertname" in ours and ours.items() <= rule.says.items()


def metrics_in(text: str) -> frozenset[str]:
    """The names in a query, or in prose with queries in it; what rules record has other names."""
    return frozenset(name for name, _ in _METRIC.findall(_RECORDED.sub("", text)))


def matchers_in(text: str) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Metric, label, and the values that it is asked for."""
    for metric, inside in _METRIC.findall(_RECORDED.sub("", text)):
        for label, kind, value in _MATCHER.findall(inside):
            yield metric, label, tuple(value.split("|")) if "~" in kind else (value,)


@cache
def groups() -> tuple[Mapping[str, Any], ...]:
    return tuple(yaml.safe_load(RULES.read_text("utf-8"))["groups"])


@cache
def rules() -> tuple[Rule, ...]:
    """In the order in which Prometheus evaluates them."""
    return tuple(
        Rule(
            name=each.get("alert") or each["record"],
            is_alert="alert" in each,
            expression=each["expr"],
            labels=each.get("labels", {}),
            annotations=each.get("annotations", {}),
        )
        for group in groups()
        for each in group["rules"]
    )


def alerts() -> tuple[Rule, ...]:
    return tuple(rule for rule in rules() if rule.is_alert)


@cache
def cases() -> tuple[Case, ...]:
    tests = yaml.safe_load(RULE_TESTS.read_text("utf-8"))["tests"]
    return tuple(
        Case(
            test["name"],
            {label: value for label, kind, value in _MATCHER.findall(each["expr"]) if kind == "="},
            tuple(dict(_labels(sample["labels"])) for sample in each["exp_samples"]),
        )
        for test in tests
        for each in test.get("promql_expr_test", ())
        if each["expr"].startswith("ALERTS")
    )


def _labels(series: str) -> Iterator[tuple[str, str]]:
    return ((label, value) for label, _, value in _MATCHER.findall(series))
