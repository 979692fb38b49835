"""The rules: what promtool says of them, and that they speak of what the worker really has."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.deploy import tools
from tests.deploy.alerting import (
    RULE_TESTS,
    RULES,
    RUNBOOK_BASE,
    RUNBOOKS,
    Rule,
    alerts,
    cases,
    groups,
    matchers_in,
    rules,
)
from tests.deploy.vocabulary import CLOSED, DECLARED, INFO

SEVERITIES: Final = {"critical", "warning"}
each_alert = pytest.mark.parametrize(
    "alert", alerts(), ids=lambda alert: "-".join([alert.name, *sorted(alert.labels.values())])
)
each_rule = pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.name)


@pytest.mark.needs("promtool")
def test_promtool_finds_nothing_to_say_against_the_rules() -> None:
    _promtool("check", "rules", "--lint=all", "--lint-fatal", RULES)


@pytest.mark.needs("promtool")
def test_each_alert_fires_when_it_should_and_is_silent_when_it_should_not() -> None:
    _promtool("test", "rules", RULE_TESTS)


def _promtool(*arguments: str | Path) -> None:
    done = subprocess.run([tools.promtool(), *arguments], capture_output=True, text=True, timeout=300, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr


def test_all_rules_are_one_group_so_that_no_alert_sees_its_recording_late() -> None:
    assert ["segment-relay"] == [group["name"] for group in groups()]


def test_what_a_rule_reads_is_recorded_before_it() -> None:
    known: set[str] = set()
    for rule in rules():
        assert rule.recorded <= known, f"{rule.name} reads what is not recorded yet"
        if not rule.is_alert:
            known.add(rule.name)


def test_the_unit_tests_read_nothing_that_no_rule_records() -> None:
    recorded = {rule.name for rule in rules() if not rule.is_alert}
    asked = set(re.findall(r"(?:process|destination):\w+:\w+", RULE_TESTS.read_text("utf-8")))
    assert asked <= recorded


@each_alert
def test_an_alert_has_a_severity_and_says_in_words_what_is_wrong_and_what_to_do(alert: Rule) -> None:
    assert alert.name.startswith("SegmentRelay")
    assert alert.labels["severity"] in SEVERITIES
    assert {"summary", "description", "runbook_url"} == alert.annotations.keys()
    assert len(alert.annotations["summary"].split()) >= 5
    assert len(alert.annotations["description"].split()) >= 10


@each_alert
def test_an_alert_names_what_it_is_about(alert: Rule) -> None:
    about = "$labels.destination" if "destination" in alert.expression else "$labels."
    assert about in alert.annotations["summary"]


@each_alert
def test_an_alert_has_a_test_in_which_it_fires_and_one_in_which_it_is_silent(alert: Rule) -> None:
    assert [case.test for case in cases() if case.fires(alert)], "it fires in none"
    assert [case.test for case in cases() if case.is_silent_about(alert)], "it is silent in none"


@each_alert
def test_an_alert_has_a_runbook_of_its_name(alert: Rule) -> None:
    assert f"{RUNBOOK_BASE}/{alert.name}.md" == alert.annotations["runbook_url"]
    assert (RUNBOOKS / f"{alert.name}.md").is_file()


def test_each_runbook_of_an_alert_has_its_alert() -> None:
    assert {file.stem for file in RUNBOOKS.glob("SegmentRelay*.md")} == {alert.name for alert in alerts()}


@each_rule
def test_a_rule_reads_metrics_that_the_worker_has(rule: Rule) -> None:
    assert rule.metrics <= DECLARED.keys() | INFO


@each_rule
def test_a_rule_asks_for_labels_and_values_that_the_worker_has(rule: Rule) -> None:
    for metric, label, values in matchers_in(rule.expression):
        bucket = ("le",) if metric.endswith("_bucket") else ()
        assert label in (*DECLARED[metric].labels, *bucket), f"{metric} has no label {label}"
        assert {*values} <= {*CLOSED[metric, label]}, f"{metric} is never {label}={values}"
