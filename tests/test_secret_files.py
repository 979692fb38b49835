"""Secret files are read anew while a set-up is refused; one that cannot be read changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mappings.wigzo.settings import Account
from worker import config
from worker.logs import Guard
from worker.secret_files import SecretFiles


class Lines:
    """A log that keeps its warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def info(self, event: str, **fields: Any) -> None: ...

    def warning(self, event: str, **_fields: Any) -> None:
        self.warnings.append(event)

    def error(self, event: str, **fields: Any) -> None: ...


def a_reader(folder: Path, guard: Guard, log: Lines) -> tuple[Path, SecretFiles]:
    token = folder / "token"
    token.write_text("first-token\n")
    file = folder / "relay.toml"
    file.write_text(
        "[kafka]\nbootstrap_servers = ['kafka.example:9092']\ntopics = ['events']\n"
        f"[destinations.shop]\nmapping = 'wigzo'\nstart_at = 'latest'\nsettings.org_token_file = '{token}'\n"
    )
    return token, SecretFiles(config.load(file, {}), "shop", guard, log)


def test_what_a_secret_file_holds_now_is_used_and_masked(tmp_path: Path) -> None:
    guard = Guard()
    token, read = a_reader(tmp_path, guard, Lines())
    token.write_text("second-token\n")
    assert (Account(org_token="second-token"), frozenset({"second-token"})) == read()
    assert "second-token" not in guard.masked("refused: second-token")


def test_a_secret_file_that_went_away_leaves_what_it_held_last(tmp_path: Path) -> None:
    log = Lines()
    token, read = a_reader(tmp_path, Guard(), log)
    token.write_text("second-token\n")
    read()
    token.unlink()
    assert (Account(org_token="second-token"), frozenset({"second-token"})) == read()
    assert ["secret file not read"] == log.warnings
