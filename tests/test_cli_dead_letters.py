"""The commands under ``dead-letters``: what a wrong option is answered with, before Kafka is asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from worker.cli import app
from worker.config import SetupError

GOOD = """
[kafka]
bootstrap_servers = ["127.0.0.1:1"]
topics = ["events"]
[destinations.shop]
mapping = "wigzo"
settings.org_token = "org-secret"
"""


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    file = tmp_path / "relay.toml"
    file.write_text(GOOD)
    return file


def problem(settings: Path, command: str, *options: str) -> str:
    """The one mistake that the command tells."""
    result = CliRunner().invoke(app, ["dead-letters", command, "--config", str(settings), *options])
    assert isinstance(result.exception, SetupError), result.output
    (line,) = result.exception.problems
    return line


@pytest.mark.parametrize("command", ["list", "show", "replay", "park"])
def test_each_command_has_help(command: str) -> None:
    result = CliRunner().invoke(app, ["dead-letters", command, "--help"])
    assert (0, True) == (result.exit_code, "Usage:" in result.output)


@pytest.mark.parametrize("option", ["--since", "--until"])
@pytest.mark.parametrize("command", ["list", "replay"])
def test_a_time_that_is_none_is_told(settings: Path, command: str, option: str) -> None:
    assert problem(settings, command, option, "soon").startswith(f'{option}: found "soon", expected a duration like')


def test_a_wait_that_is_no_duration_is_told(settings: Path) -> None:
    expected = '--wait: found "long", expected a duration like "90s" or "5m"'
    assert expected == problem(settings, "replay", "--all", "--wait", "long")


def test_a_replay_of_everything_is_only_by_that_word(settings: Path) -> None:
    assert problem(settings, "replay").startswith("dead-letters replay: say which (--reason,")


def test_an_admin_address_that_is_none_is_told(settings: Path) -> None:
    expected = '--admin: found "here", expected a host and a port, like "127.0.0.1:9404"'
    assert expected == problem(settings, "park", "--admin", "here")


@pytest.mark.parametrize("command", ["list", "replay", "park"])
def test_a_destination_that_is_not_configured_is_told(settings: Path, command: str) -> None:
    all_of_them = ["--all"] if command == "replay" else []
    expected = '--destination: found "other", expected one of shop'
    assert expected == problem(settings, command, "-d", "other", *all_of_them)
