"""The command line, as somebody at a shell meets it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import pytest

from worker.build import build
from worker.commands.exits import Exit, internal
from worker.commands.findings import counted

GOOD = """
[kafka]
bootstrap_servers = ["127.0.0.1:1"]
topics = ["events"]
[destinations.shop]
mapping = "wigzo"
settings.org_token = "org-secret"
"""


def ended(*arguments: str, given: str = "", environ: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of ``segment-relay`` with these arguments."""
    command = [sys.executable, "-m", "worker.cli", *arguments]
    environment = {"PATH": os.environ["PATH"], "COLUMNS": "100", **(environ or {})}
    process = subprocess.run(command, capture_output=True, text=True, check=False, input=given, env=environment)
    return process.returncode, process.stdout, process.stderr


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    file = tmp_path / "relay.toml"
    file.write_text(GOOD)
    return file


def test_the_version_is_told() -> None:
    assert (0, f"segment-relay {version('segment-relay')} ({build()})\n", "") == ended("--version")


def test_help_names_every_command_and_the_exit_codes() -> None:
    code, out, _ = ended("--help")
    commands = re.findall(r"^  (\w+)  ", out, re.MULTILINE)
    assert (0, ["run", "check", "config", "explain", "sandbox", "demo"]) == (code, commands)
    assert "Exit codes: 0 done, 2 the set-up is wrong, 70 an error in the program, 75 Kafka is not" in " ".join(
        out.split()
    )


@pytest.mark.parametrize("command", ["run", "check", "config", "explain", "sandbox", "demo"])
def test_each_command_has_help(command: str) -> None:
    code, out, _ = ended(command, "--help")
    assert 0 == code
    assert out.startswith(f"Usage: python -m worker.cli {command}")


def test_an_unknown_option_is_told_in_a_line() -> None:
    code, _, err = ended("config", "--confg", "x")
    assert 2 == code
    assert "No such option: --confg" in err


@pytest.mark.parametrize("command", ["run", "check", "config", "explain"])
def test_wrong_settings_end_every_command_with_2(command: str) -> None:
    expected = (
        "segment-relay: 3 mistakes in the set-up:\n"
        "  kafka.bootstrap_servers (SEGMENT_RELAY_KAFKA__BOOTSTRAP_SERVERS): found nothing, "
        'expected a list of hosts with ports, like ["kafka-1.example:9092"]\n'
        "  kafka.topics (SEGMENT_RELAY_KAFKA__TOPICS): found nothing, "
        'expected a list of topic names, like ["segment-events"]\n'
        "  destinations: found none, expected a table [destinations.<name>] for each\n"
    )
    assert (2, "", expected) == ended(command)


def test_config_shows_every_value_its_origin_and_no_secret(settings: Path) -> None:
    code, out, err = ended("config", "--config", str(settings), environ={"SEGMENT_RELAY_KAFKA__GROUP": "mine"})
    lines = {re.sub(r"\s+#", "  #", line) for line in out.splitlines()}
    assert (0, "") == (code, err)
    assert {
        "[kafka]",
        f'topics = ["events"]  # {settings}',
        'group = "mine"  # SEGMENT_RELAY_KAFKA__GROUP',
        'session_timeout = "45s"  # default',
        "# sasl_password is not set",
        "[destinations.shop.settings]",
        f"org_token = ********  # {settings}",
    } <= lines
    assert "org-secret" not in out


STRANGER = """
from dataclasses import dataclass
from mappings.contract import Destination, setting

@dataclass(frozen=True)
class Account:
    key: str = setting(help="The key.", secret=True)
    place: str = setting("https://acme.example", help="Where it is.")

DESTINATION = Destination(
    "Acme", Account, lambda account: frozenset({account.place}), lambda event, account: iter(()), {}
)
"""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder with a stranger's package, as an installer leaves it, and another one that is broken."""
    (tmp_path / "acme.py").write_text(STRANGER)
    metadata = tmp_path / "acme-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[segment_relay.destinations]\nacme = acme:DESTINATION\nbroken = acme:NOTHING\n"
    )
    return tmp_path


def with_mapping(name: str, extra: str, folder: Path) -> tuple[int, str, str]:
    """``config`` for the stranger's mapping."""
    file = folder / "relay.toml"
    file.write_text(GOOD.replace('"wigzo"', f'"{name}"').replace('settings.org_token = "org-secret"', extra))
    return ended("config", "--config", str(file), environ={"PYTHONPATH": str(folder)})


def test_a_stranger_s_mapping_is_used_by_installing_and_naming_it(installed: Path) -> None:
    code, out, err = with_mapping("acme", 'settings.key = "acme-secret"', installed)
    assert (0, "") == (code, err)
    assert ["[destinations.shop.settings]", "key = ********", 'place = "https://acme.example"'] == [
        line.split("  ")[0] for line in out.splitlines()[-4:] if line
    ]


def test_a_stranger_s_mapping_that_is_broken_is_named(installed: Path) -> None:
    code, _, err = with_mapping("broken", "", installed)
    assert 2 == code
    assert '(SEGMENT_RELAY_DESTINATIONS__SHOP__MAPPING): found "broken", expected an installed mapping ' in err
    assert "acme:NOTHING is installed but broken: AttributeError" in err


def test_an_address_that_no_request_could_go_to_is_told(installed: Path) -> None:
    code, _, err = with_mapping("acme", 'settings.key = "acme-secret"\nsettings.place = "acme-secret"', installed)
    assert 2 == code
    assert "destinations.shop.settings: an address of theirs is not a URL like https://api.example.com" in err
    assert "acme-secret" not in err


def test_the_settings_file_may_be_named_in_the_environment(settings: Path) -> None:
    assert 0 == ended("config", environ={"SEGMENT_RELAY_CONFIG": str(settings)})[0]


def test_an_event_may_come_from_standard_input(settings: Path) -> None:
    code, out, err = ended("explain", "--config", str(settings), given='{"type": "trak"}')
    assert (0, "") == (code, err)
    assert "dead letter, unknown-type" in out


def test_the_sandbox_serves_until_it_is_told_to_stop() -> None:
    command = [sys.executable, "-m", "worker.cli", "sandbox", "--address", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            name, url = process.stdout.readline().split()
            host, _, port = url.removeprefix("http://").partition(":")
            socket.create_connection((host, int(port)), timeout=10).close()
        finally:
            process.send_signal(signal.SIGTERM)
        assert ("sandbox", 0) == (name, process.wait(10))


def test_a_sandbox_at_no_address_is_a_wrong_set_up() -> None:
    code, _, err = ended("sandbox", "--address", "nowhere")
    assert (2, True) == (code, "--address: " in err)


def test_an_error_in_the_program_is_told_without_what_it_quotes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError) as caught:
        int("ann@example.com")
    assert Exit.INTERNAL == internal(caught.value)
    err = capsys.readouterr().err
    assert "an error in the program itself (ValueError); please report it with this:\n  test_cli.py:" in err
    assert "ann@example.com" not in err


def test_one_is_counted_as_one() -> None:
    assert ["0 topics", "1 topic", "2 topics"] == [counted(count, "topic") for count in range(3)]
