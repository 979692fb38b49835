"""The one runner of all golden cases."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.mappings.golden import actual, case_files, destination_of, expected, installed


def test_every_folder_of_cases_belongs_to_an_installed_destination() -> None:
    assert {path.parent.name for path in case_files()} <= set(installed())


@pytest.mark.parametrize("path", case_files(), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_mapping_converses_as_the_case_says(path: Path) -> None:
    case = json.loads(path.read_text("utf-8"))
    assert expected(case) == actual(case, destination_of(path.parent.name))


@pytest.mark.parametrize("path", case_files(), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_case_is_named_by_its_fact(path: Path) -> None:
    fact = json.loads(path.read_text("utf-8"))["fact"]
    assert path.stem == re.sub("[^a-z0-9]+", "-", fact.lower()).strip("-")
