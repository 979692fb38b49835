"""No secret in what a command says: neither where all is well, nor where everything is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import orjson
import pytest

from tests.whole.discretion import stranger
from tests.whole.discretion.marks import Marks, traces
from tests.whole.discretion.parrot import Parrot, parrot
from tests.whole.discretion.people import messages
from tests.whole.worker import Tables, kafka, toml, wigzo, wootric

NOBODY = ["127.0.0.1:1"]
MISTAKES = ("raises", "unmappable", "yields", "address", "host", "body", "header", "closes", "login")


@pytest.fixture
def marks() -> Marks:
    return Marks()


@pytest.fixture
def vendor(marks: Marks) -> Iterator[Parrot]:
    with parrot(marks("the token of a login")) as served:
        yield served


def _said(folder: Path, text: str, *arguments: str, environment: Mapping[str, str] | None = None) -> tuple[int, str]:
    """The exit code of ``segment-relay`` with these settings, and all that it said."""
    file = folder / "relay.toml"
    file.write_text(text, encoding="utf-8")
    packages = folder / "packages"
    path = str(packages if packages.exists() else stranger.install(packages))
    command = [sys.executable, "-m", "worker.cli", arguments[0], "--config", str(file), *arguments[1:]]
    own = {"PATH": os.environ["PATH"], "PYTHONPATH": path, **(environment or {})}
    process = subprocess.run(command, capture_output=True, text=True, check=False, env=own)
    return process.returncode, process.stdout + process.stderr


def _set_up(marks: Marks, vendor: Parrot, folder: Path) -> Iterator[Tables]:
    """Secrets in the file, in files of their own, and (see ``_environment``) in the environment."""
    password = {"sasl_username": "relay", "sasl_password": marks.odd("the Kafka password"), "sasl_mechanism": "PLAIN"}
    yield kafka(NOBODY, "events", "relay", security_protocol="SASL_PLAINTEXT", **password)
    yield {"worker": {"start_timeout": 1, "drain_timeout": 20}}
    token = folder / "org-token"
    token.write_text(marks("the org_token in a file"))
    proxy = f"http://relay:{marks('the proxy password')}@{vendor.url.removeprefix('http://')}"
    yield wigzo(
        f"{vendor.url}/400",
        settings={"org_token": None, "org_token_file": str(token), "api_token": marks.odd("api_token")},
        proxy=proxy,
    )
    yield wootric(
        f"{vendor.url}/no",
        settings={"account_token": f"NPS-{marks('account_token')}", "client_id": "relay", "client_secret": None},
    )
    for how in MISTAKES:
        own = {"url": vendor.url, "how": how, "token": marks.odd(f"the stranger's token ({how})")}
        yield {f"destinations.stranger-{how}": {"mapping": "stranger", "request_timeout": 2}}
        yield {f"destinations.stranger-{how}.settings": own}


def _written(tables: Iterator[Tables]) -> str:
    return toml(*({name: {k: v for k, v in of.items() if v is not None} for name, of in one.items()} for one in tables))


@pytest.mark.parametrize("command", ["config", "check", "explain", "run"])
def test_no_secret_is_in_what_a_command_says(command: str, marks: Marks, vendor: Parrot, tmp_path: Path) -> None:
    environment = {
        "SEGMENT_RELAY_DESTINATIONS__WOOTRIC__SETTINGS__CLIENT_SECRET": marks.odd("the client_secret"),
    }
    settings = _written(_set_up(marks, vendor, tmp_path))
    events = tmp_path / "events.json"
    people = Marks()
    events.write_bytes(orjson.dumps({"batch": [message for _, message in messages(people, 1)]}))
    arguments = [command, str(events)] if command == "explain" else [command]
    code, said = _said(tmp_path, settings, *arguments, environment=environment)
    assert set() == traces(said, marks.words)
    assert {"config": 0, "check": 2, "explain": 0, "run": 75}[command] == code, said
    assert command != "explain" or {*people.words} & traces(said, people.words), "explain shows the event"


WRONG = """
[kafka]
bootstrap_servers = ["relay:{}@kafka.example:9092"]
topics = ["events"]
sasl_password = "{}"
ssl_password = "{}"
[worker]
admin_address = "relay:{}@127.0.0.1:x"
[destinations.one]
mapping = "wigzo"
proxy = "ftp://relay:{}@proxy.example"
settings.org_token = ["{}"]
settings.orgtoken = "{}"
settings.base_url = "https://relay:{}@wigzo.example"
[destinations.two]
mapping = "wootric"
proxy = "{}"
settings.account_token = "{}"
settings.client_secret = "{}"
settings.api_url = "https://api.example/?token={}"
[destinations.three]
mapping = "stranger"
settings.token = "{}"
settings.token_file = "/nowhere/to/be/found"
settings.url = "http://127.0.0.1:1"
settings.how = "set-up"
[destinations.four]
mapping = "stranger"
settings.token = '{}"\\{}'
settings.url = "http://127.0.0.1:1"
settings.how = "set-up"
"""


@pytest.mark.parametrize("command", ["run", "config"])
def test_mistakes_in_the_set_up_are_told_without_any_secret(command: str, marks: Marks, tmp_path: Path) -> None:
    code, said = _said(tmp_path, _filled(WRONG, marks), command)
    assert (2, set()) == (code, traces(said, marks.words))
    assert "Traceback" not in said


@pytest.mark.parametrize(
    "line", ["sasl_password = {}", 'sasl_password = "{}', "sasl_password.{} = 1\nsasl_password = 2", "= {}"]
)
def test_a_file_that_is_no_toml_is_told_without_any_secret(line: str, marks: Marks, tmp_path: Path) -> None:
    code, said = _said(tmp_path, _filled(f"[kafka]\n{line}\n", marks), "run")
    assert (2, set()) == (code, traces(said, marks.words))


def _filled(text: str, marks: Marks) -> str:
    return (
        "".join(part + marks(f"secret {number}") for number, part in enumerate(text.split("{}")[:-1]))
        + (text.rpartition("{}")[2])
    )
