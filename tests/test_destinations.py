"""Mappings are found by entry point, a stranger's as well as ours."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from mappings.contract import Destination
from worker import destinations
from worker.destinations import GROUP, UnknownMapping


def entries(**values: str) -> dict[str, EntryPoint]:
    return {name: EntryPoint(name, value, GROUP) for name, value in values.items()}


def test_the_mappings_that_come_along_are_installed() -> None:
    assert {"wigzo": "mappings.wigzo:DESTINATION", "wootric": "mappings.wootric:DESTINATION"} == {
        name: entry.value for name, entry in destinations.installed().items() if entry.module.startswith("mappings.")
    }


def test_a_mapping_is_loaded_by_its_name() -> None:
    assert ["Wigzo", "Wootric"] == [destinations.load(name).name for name in ("wigzo", "wootric")]


def test_an_unknown_mapping_is_told_with_those_that_are_installed() -> None:
    with pytest.raises(UnknownMapping, match=r"^installed are acme, wigzo$"):
        destinations.load("wigz", entries(acme="acme:D", wigzo="mappings.wigzo:DESTINATION"))


def test_where_none_is_installed_that_is_said() -> None:
    with pytest.raises(UnknownMapping, match=r"^installed are none$"):
        destinations.load("wigzo", {})


def test_a_mapping_that_cannot_be_imported_is_named_with_the_reason() -> None:
    with pytest.raises(UnknownMapping, match=r"^no_such_module:D is installed but broken: ModuleNotFoundError: No"):
        destinations.load("acme", entries(acme="no_such_module:D"))


def test_a_mapping_that_is_something_else_is_named() -> None:
    with pytest.raises(UnknownMapping, match=r"^json:dumps is installed but broken: it is not a Destination$"):
        destinations.load("acme", entries(acme="json:dumps"))


def test_what_is_loaded_is_a_destination() -> None:
    assert isinstance(destinations.load("wigzo"), Destination)
