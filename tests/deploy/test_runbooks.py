"""What a runbook tells to do exists: commands, options, metrics, labels, pages, the chart's names."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import typer

from tests.deploy import tools
from tests.deploy.alerting import alerts, matchers_in, metrics_in, rules
from tests.deploy.chart import render
from tests.deploy.runbooks import (
    INDEX,
    commands,
    headings,
    links,
    of_alerts,
    pages,
    procedures,
    queries,
    sought,
    texts,
)
from tests.deploy.vocabulary import ALWAYS, CLOSED, DECLARED, INFO
from worker.cli import app
from worker.core.holds.states import State

OF_AN_ALERT: Final = [
    "What it means",
    "What users notice",
    "How to look",
    "How to mend",
    "How to know that it is mended",
]

each_page = pytest.mark.parametrize("page", [*pages(), INDEX], ids=lambda page: page.stem)
each_text = pytest.mark.parametrize(("where", "text"), texts().items(), ids=[*texts()])


@pytest.mark.parametrize("page", of_alerts(), ids=lambda page: page.stem)
def test_an_alert_s_page_answers_the_five_questions(page: Path) -> None:
    assert OF_AN_ALERT == headings(page)


@pytest.mark.parametrize("page", procedures(), ids=lambda page: page.stem)
def test_a_procedure_says_its_traps_first_and_ends_with_how_to_know_that_it_is_done(page: Path) -> None:
    said = headings(page)
    assert ("The traps first", "How to know that it is done") == (said[0], said[-1])


def test_the_index_has_every_page_and_each_alert_s_severity() -> None:
    assert {page.name for page in pages()} <= {*links(INDEX)}
    text = INDEX.read_text("utf-8")
    for name in {alert.name for alert in alerts()}:
        severities = {alert.labels["severity"] for alert in alerts() if alert.name == name}
        said = ", ".join(sorted(severities, reverse=True))
        assert f"| [{name}]({name}.md) | {said} |" in text


@each_text
def test_a_command_and_its_options_exist(where: str, text: str) -> None:
    for words in commands(text):
        command, rest = _resolved(words)
        options = {option for parameter in command.params for option in parameter.opts}
        unknown = [word for word in rest if word.startswith("-") and word != "-" and word not in options]
        assert [] == unknown, f"segment-relay {' '.join(words)}"


def test_the_commands_of_the_pages_are_found() -> None:
    found = [words for text in texts().values() for words in commands(text)]
    assert ["dead-letters", "park", "-d", "wigzo"] in found
    assert ["dead-letters", "list", "--since", "2h"] in found
    assert ["run", "--dry-run", "--until-caught-up", "--anew"] in found
    assert len(found) > 20


def _resolved(words: list[str]) -> tuple[Any, list[str]]:
    """The command that these words lead to, and what is left of them."""
    command: Any = typer.main.get_command(app)
    rest = list(words)
    while hasattr(command, "commands") and rest:
        name = rest.pop(0)
        assert name in command.commands, f"segment-relay {' '.join(words)}: there is no {name}"
        command = command.commands[name]
    return command, rest


@each_text
def test_a_metric_and_the_labels_that_it_is_asked_for_exist(where: str, text: str) -> None:
    assert metrics_in(text) <= DECLARED.keys() | INFO
    for metric, label, values in matchers_in(text):
        declared = DECLARED[metric].labels
        assert label in (*declared, *ALWAYS), f"{metric} has no label {label}"
        if (metric, label) in CLOSED:
            assert {*values} <= {*CLOSED[metric, label]}, f"{metric} is never {label}={values}"


@each_text
def test_what_is_read_of_the_rules_is_recorded(where: str, text: str) -> None:
    recorded = {rule.name for rule in rules() if not rule.is_alert}
    assert [] == [name for name in recorded_in(text) if name not in recorded]


def recorded_in(text: str) -> list[str]:
    words = text.replace("(", " ").replace("{", " ").replace("`", " ").split()
    return [word for word in words if word.startswith(("destination:segment_relay", "process:segment_relay"))]


def test_what_a_page_looks_for_in_the_log_is_what_a_worker_says() -> None:
    sources = "".join(file.read_text("utf-8") for file in Path("worker").rglob("*.py"))
    says = sources + "".join(f"→ {state.value}" for state in State)
    found = {phrase for page in pages() for phrase in sought(page)}
    assert {"lost to retention", "→ set-up", "→ login", "partitions are revoked"} <= found
    assert [] == [phrase for phrase in sorted(found) if phrase not in says]


@pytest.mark.needs("promtool")
def test_prometheus_can_read_every_query(tmp_path: Path) -> None:
    asked = [query for page in pages() for query in queries(page)]
    assert len(asked) > 30
    rule_file = tmp_path / "queries.yaml"
    named = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(asked)]
    rule_file.write_text(json.dumps({"groups": [{"name": "queries", "rules": named}]}))
    done = subprocess.run(
        [tools.promtool(), "check", "rules", rule_file], capture_output=True, text=True, timeout=60, check=False
    )
    assert 0 == done.returncode, done.stdout + done.stderr


@pytest.mark.needs("helm")
def test_the_pages_call_things_as_the_chart_does_in_a_release_of_the_program_s_name() -> None:
    (stateful,) = (each for each in render(release="segment-relay") if each["kind"] == "StatefulSet")
    (container,) = stateful["spec"]["template"]["spec"]["containers"]
    assert "segment-relay" == stateful["metadata"]["name"] == container["name"]
    assert "segment-relay" == stateful["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"]
    assert [9404] == [port["containerPort"] for port in container["ports"]]
