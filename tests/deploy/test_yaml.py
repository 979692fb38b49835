"""How the YAML is written, and that Helm writes nothing which two parsers read differently."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.deploy import tools
from tests.deploy.chart import CHART, CI_VALUES

pytestmark = pytest.mark.needs("yamllint")

SETTINGS = Path("deploy/checks/yamllint.yaml")
# A key that is there twice counts once, and nobody knows which; `no` and `on` are booleans to some.
MEANING_ALONE = "{rules: {key-duplicates: enable, truthy: enable, anchors: enable, key-ordering: disable}}"


def said(*arguments: str | Path, text: str | None = None) -> str:
    """What yamllint has to say; nothing where all is well."""
    command = (tools.yamllint(), "--strict", "--format", "parsable", *arguments)
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=60)
    return done.stdout + done.stderr


def written() -> list[str]:
    """The YAML files that are no templates."""
    listed = subprocess.run(
        ("git", "ls-files", "--cached", "--others", "--exclude-standard", "*.yaml", "*.yml"),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return [name for name in listed.stdout.split() if "/templates/" not in name]


def test_yaml_is_written_in_one_way() -> None:
    assert str(CHART / "values.yaml") in written()
    assert "" == said("--config-file", SETTINGS, *written())


@pytest.mark.needs("helm")
@pytest.mark.parametrize("values", CI_VALUES, ids=lambda file: file.stem)
def test_what_helm_writes_can_be_read_in_one_way(values: Path) -> None:
    command = (tools.helm(), "template", "relay", CHART, "--values", values)
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert "" == said("--config-data", MEANING_ALONE, "-", text=text)
