"""The chart's README says what its values are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
import yaml

from tests.deploy.chart import CHART, MINIMAL, render

README: Final = (CHART / "README.md").read_text("utf-8")
# Too long for a cell.
ELSEWHERE: Final = ("autoscaling.behavior", "resources")
REQUIRED: Final = ("partitions", "config.kafka.bootstrap_servers", "config.kafka.topics")


def leaves(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Every value by its path, as its cell has it."""
    for name, value in values.items():
        path = f"{above}{name}"
        if path in ELSEWHERE:
            yield path, "see `values.yaml`"
        elif isinstance(value, dict) and value:
            yield from leaves(value, f"{path}.")
        else:
            yield path, f"`{json.dumps(value)}`"


def test_the_table_has_every_value_with_its_default() -> None:
    table = re.findall(r"^\| `([\w.]+)` \| (.+?) \|", README, re.MULTILINE)
    defaults = dict(leaves(yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))))
    assert defaults | dict.fromkeys(REQUIRED, "**required**") == dict(table)
    assert len(table) == len(dict(table))


@pytest.mark.needs("helm")
def test_the_least_that_must_be_said_is_enough() -> None:
    (example,) = (text for text in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL) if "my-values" in text)
    assert render(MINIMAL) == render(yaml.safe_load(example))
