"""``segment-relay explain``: the whole story of one event, with nothing sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mappings.contract import (
    Delivered,
    Destination,
    Event,
    Flow,
    Limited,
    Meaning,
    Refused,
    Rejected,
    Request,
    Skipped,
    Transient,
    WrongSetup,
)
from tests.builders import a_message, a_record, an_event
from worker import config
from worker.commands.explain import explained, run
from worker.commands.walk import ABSENT, DEEPEST, FOUND, Asks, Waits, flow_of, walk
from worker.config import Settings, SetupError

SETTINGS = """
[kafka]
bootstrap_servers = ["kafka.example:9092"]
topics = ["events"]
[destinations.shop]
mapping = "wigzo"
settings.org_token = "org secret"
[destinations.surveys]
mapping = "wootric"
events_denied = ["Debug *"]
settings.account_token = "NPS-00000000"
settings.client_id = "client"
settings.client_secret = "client-secret"
settings.email_survey_on_eligible = true
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    file = tmp_path / "relay.toml"
    file.write_text(SETTINGS)
    return config.load(file, {})


def told(settings: Settings, tmp_path: Path, message: object, only: str | None = None) -> list[str]:
    """The lines about a record with this value."""
    file = tmp_path / "event.json"
    file.write_bytes(message if isinstance(message, bytes) else json.dumps(message).encode())
    lines: list[str] = []
    assert 0 == run(settings, str(file), only, lines.append)
    return lines


def test_the_request_is_shown_with_its_secrets_masked(settings: Settings, tmp_path: Path) -> None:
    message = a_message(event="Product Viewed", properties={"product_id": "4", "name": "A cup"})
    assert [
        "shop (mapping wigzo)",
        '  track "Product Viewed", id m1, of 2026-02-09T10:11:12.131+00:00',
        "  user u1, in order with all of u1",
        "  wanted",
        "  1. POST https://app.wigzo.com/rest/v1/learn/event?org_token=********  (learn/event)",
        "    {",
        '      "eventName": "product/push",',
        '      "eventval": {',
        '        "productId": "4",',
        '        "title": "A cup"',
        "      },",
        '      "eventCategory": "EXTERNAL",',
        '      "userId": "u1",',
        '      "is_active": true,',
        '      "source": "web"',
        "    }",
        f"    if the answer is 200 {FOUND.body.decode() if FOUND.body else ''}:",
        "      delivered",
        "",
    ] == told(settings, tmp_path, message, "shop")


def test_what_depends_on_answers_is_shown_for_each_of_them(settings: Settings, tmp_path: Path) -> None:
    lines = told(settings, tmp_path, a_message(type="identify", traits={"email": "ann@example.com"}), "surveys")
    requests = [line.strip() for line in lines if line.strip()[:2] in ("1.", "2.", "3.")]
    assert [
        "1. GET https://api.wootric.com/v1/end_users/u1?lookup_by_external_id=true  (end-users/look-up)",
        "2. POST https://api.wootric.com/v1/end_users  (end-users/create)",
        "2. PUT https://api.wootric.com/v1/end_users/1  (end-users/update)",
    ] == requests
    assert "    with what the login gained" in lines
    assert "        email = ann@example.com" in lines
    assert not any("secret" in line for line in lines)


def test_what_a_person_would_notice_twice_is_said(settings: Settings, tmp_path: Path) -> None:
    lines = told(settings, tmp_path, a_message(event="Order Completed"), "surveys")
    (place,) = (number for number, line in enumerate(lines) if "/v1/email_survey" in line)
    assert any("a person would notice a second one" in line for line in lines[place:])


def test_an_event_that_is_not_wanted_is_told_with_the_reason(settings: Settings, tmp_path: Path) -> None:
    lines = told(settings, tmp_path, a_message(event="Debug Ping"), "surveys")
    assert "  not wanted, event-denied: The name matches one of `events_denied`." == lines[3]


def test_what_is_no_event_is_a_dead_letter(settings: Settings, tmp_path: Path) -> None:
    lines = told(settings, tmp_path, b"{", "shop")
    assert lines[1].startswith("  dead letter, not-json: The record's value is not JSON.")


def test_every_destination_is_told_of(settings: Settings, tmp_path: Path) -> None:
    lines = told(settings, tmp_path, a_message())
    assert ["shop (mapping wigzo)", "surveys (mapping wootric)"] == [line for line in lines if line[:1].strip()]


def test_each_message_of_an_envelope_is_told_of(settings: Settings, tmp_path: Path) -> None:
    lines = told(settings, tmp_path, {"batch": [a_message(), {"type": "trak"}]}, "shop")
    assert ["  message 1 of 2", "  message 2 of 2"] == [line for line in lines if line.startswith("  message")]
    assert any(line.startswith("  dead letter, unknown-type: ") for line in lines)


def test_an_empty_envelope_is_nothing_to_do(settings: Settings, tmp_path: Path) -> None:
    assert "  an envelope without messages: nothing to do" == told(settings, tmp_path, {"batch": []}, "shop")[1]


def test_the_event_s_options_for_the_destination_are_shown(settings: Settings, tmp_path: Path) -> None:
    lines = told(settings, tmp_path, a_message(integrations={"Wigzo": {"language": "en"}}), "shop")
    assert '  options for this destination: {"language": "en"}' == lines[3]


def test_a_record_without_a_value_is_skipped(settings: Settings) -> None:
    lines = list(explained(a_record(None), settings.destinations["shop"], 0.0))  # type: ignore[arg-type]
    assert ["shop (mapping wigzo)", "  skipped, tombstone: The record has no value.", ""] == lines


def test_an_unknown_destination_is_a_wrong_command(settings: Settings) -> None:
    with pytest.raises(SetupError, match=r'--destination: found "shp", expected one of shop, surveys'):
        run(settings, "-", "shp", lambda _line: None)


def test_an_event_that_cannot_be_read_is_a_wrong_command(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"none\.json: the event cannot be read \(No such file or directory\)"):
        run(settings, str(tmp_path / "none.json"), None, lambda _line: None)


# --- The walk itself


def a_destination(**fields: Any) -> Destination[Any]:
    defaults: Mapping[str, Any] = {
        "name": "Acme",
        "settings": dict,
        "hosts": lambda _settings: frozenset({"https://acme.example"}),
        "translate": lambda _event, _settings: iter(()),
        "reasons": {},
    }
    return Destination(**{**defaults, **fields})


def ways(destination: Destination[Any]) -> object:
    return walk(flow_of(an_event(), a_record(), destination, {}), destination, 0.0)


GET = Request("GET", "https://acme.example/", operation="get")
POST = Request("POST", "https://acme.example/", operation="post")


def test_a_flow_that_asks_nothing_is_its_outcome() -> None:
    assert Skipped("nothing-to-send") == ways(a_destination())


def test_a_look_up_is_followed_for_somebody_and_for_nobody() -> None:
    def translate(_event: Event, _settings: object) -> Flow:
        found = yield GET
        if found.ok:
            yield POST
        return Delivered() if found.ok else Rejected("nobody")

    assert Asks(GET, ((ABSENT, Rejected("nobody")), (FOUND, Asks(POST, ((FOUND, Delivered()),))))) == ways(
        a_destination(translate=translate)
    )


@pytest.mark.parametrize(
    ("meant", "expected"),
    [
        (Transient(), Waits("tried again (transient)")),
        (Limited(), Waits("tried again after the vendor's limit")),
        (Refused("closed", "for good"), Rejected("closed", "for good")),
        (WrongSetup("wrong-account"), Waits("tried again; taken for a wrong set-up (wrong-account)")),
    ],
)
def test_each_meaning_of_an_answer_is_told(meant: Meaning, expected: object) -> None:
    def translate(_event: Event, _settings: object) -> Flow:
        yield POST
        return None

    node = ways(a_destination(translate=translate, meaning=lambda _answer: meant))
    assert Asks(POST, ((FOUND, expected),)) == node  # type: ignore[arg-type]


def test_a_flow_without_end_is_cut() -> None:
    def translate(_event: Event, _settings: object) -> Flow:
        while True:
            yield POST

    node = ways(a_destination(translate=translate))
    for _ in range(DEEPEST):
        assert isinstance(node, Asks)
        node = node.ways[0][1]
    assert Waits(f"more than {DEEPEST} requests one after another: not followed further") == node
