"""What the README shows is true."""

from __future__ import annotations

import re
from pathlib import Path

from worker import config
from worker.cli import app

README = Path("README.md").read_text("utf-8")


def test_its_settings_are_right(tmp_path: Path) -> None:
    secrets = {"wigzo-org-token": "org", "wootric-account-token": "NPS-5a4db0c1", "wootric-client-secret": "secret"}
    for name, secret in secrets.items():
        (tmp_path / name).write_text(secret)
    (shown,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    file = tmp_path / "segment-relay.toml"
    file.write_text(shown.replace("/run/secrets", str(tmp_path)))
    settings = config.load(file, {})
    assert {"wigzo": "latest", "wootric": "latest"} == {
        name: one.start_at for name, one in settings.destinations.items()
    }


def test_it_names_every_command() -> None:
    commands = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    commands |= {str(group.name) for group in app.registered_groups}
    assert commands == set(re.findall(r"^\| `segment-relay (\S+?)[ `]", README, re.MULTILINE))


def test_its_pages_exist() -> None:
    linked = set(re.findall(r"\]\((docs/[^)]+)\)", README))
    assert {
        "docs/design.md",
        "docs/metrics.md",
        "docs/performance.md",
        "docs/reasons.md",
        "docs/sandbox.md",
        "docs/settings.md",
    } == linked
    assert [] == [page for page in linked if not Path(page).is_file()]


def test_every_make_target_that_it_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", Path("Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)", README)) <= targets
