"""Which transport carries what."""

from __future__ import annotations

from pathlib import Path

import pytest

from worker import config
from worker.adapters import aiohttp_transport, http
from worker.ways_out import way_out

FILE = """
[kafka]
bootstrap_servers = ["127.0.0.1:1"]
topics = ["events"]
[destinations.shop]
mapping = "wigzo"
start_at = "latest"
{said}
settings.org_token = "secret"
"""


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("", http.Transport),
        ('http_client = "aiohttp"', aiohttp_transport.Transport),
        ('proxy = "http://proxy.example:3128"', aiohttp_transport.Transport),
    ],
    ids=["its own", "the other one where it is asked for", "the other one through a proxy"],
)
def test_a_destination_is_carried_by(tmp_path: Path, said: str, expected: type[object]) -> None:
    file = tmp_path / "relay.toml"
    file.write_text(FILE.format(said=said))
    assert expected is type(way_out(config.load(file, {}).destinations["shop"], 2))
