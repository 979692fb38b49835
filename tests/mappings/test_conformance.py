"""What every installed destination must hold to, whoever wrote it."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.contract import Event, EventType, Refused, Request, WrongSetup
from tests.builders import a_record, an_event
from tests.mappings.flows import ODD_ANSWERS, SCRIPTS, Setup, Told, course, scripts
from tests.mappings.golden import destination_of, installed, plain
from tests.mappings.odd_events import DATA, TYPES, decoded, events_for
from worker.core.decode import decode

SLUG = re.compile("[a-z][a-z0-9-]{1,39}")

# Each destination in the set-ups that make a difference. Secrets are marked, so that they are found where they leak.
SETUPS: dict[str, dict[str, dict[str, Any]]] = {
    "wigzo": {
        "one token": {"org_token": "sEcReT-oRg"},
        "all": {
            "org_token": "sEcReT-oRg",
            "api_token": "sEcReT-aPi",
            "base_url": "http://127.0.0.1:8080/brand/",
            "user_id_format": "uuid",
        },
    },
    "wootric": {
        "token alone": {"account_token": "NPS-sEcReT"},
        "credentials": {
            "account_token": "NPS-EU-sEcReT",
            "client_id": "client",
            "client_secret": "sEcReT-cLiEnT",
            "email_survey_on_eligible": True,
        },
        "properties alone": {
            "account_token": "NPS-sEcReT",
            "client_id": "client",
            "client_secret": "sEcReT-cLiEnT",
            "actions": frozenset({"properties"}),
            "api_url": "http://127.0.0.1:8080/api",
        },
    },
}


@pytest.fixture(params=[(name, setup) for name in installed() for setup in SETUPS.get(name, ())], ids=" ".join)
def setup(request: pytest.FixtureRequest) -> Setup:
    name, chosen = request.param
    destination = destination_of(name)
    values = SETUPS[name][chosen]
    secret = [field.name for field in fields(destination.settings) if field.metadata["secret"]]
    return Setup(destination, destination.settings(**values), tuple(values[one] for one in secret if one in values))


def hold_request(setup: Setup, request: Request) -> None:
    """What is true of each request, wherever it comes from."""
    url = urlsplit(request.url)
    assert f"{url.scheme}://{url.netloc}" in setup.destination.hosts(setup.settings)
    assert (url.query, url.fragment) == ("", "")
    assert request.url.isascii()
    assert request.url.isprintable()
    assert request.json is None or request.form is None
    orjson.dumps(request.json)
    for name, value in (*request.query, *(request.form or ()), *request.headers.items()):
        assert (str, str) == (type(name), type(value))
        (name + value).encode()
    assert request.cached_as is None or (request.method == "GET" and request.repeatable)
    hold_secrets(setup, (request.url, request.operation, request.cached_as or "", *request.invalidates))


def hold_secrets(setup: Setup, texts: Sequence[str]) -> None:
    assert setup.secrets
    assert not [text for text in texts for secret in setup.secrets if secret in text]


def hold_course(setup: Setup, told: Told) -> None:
    """What is true of each flow."""
    for request in told.requests:
        hold_request(setup, request)
    assert all(request.repeatable for request in told.requests[:-1]), "an unrepeatable request is a flow's last"
    assert set(told.reasons) <= set(setup.destination.reasons)
    hold_secrets(setup, told.details)


def test_every_installed_destination_is_held_to_the_contract() -> None:
    assert set(installed()) == set(SETUPS)


def test_the_destination_is_declared_in_full(setup: Setup) -> None:
    declared = setup.destination
    assert declared.name
    assert declared.reasons
    assert all(SLUG.fullmatch(reason) and meaning for reason, meaning in declared.reasons.items())
    assert all(field.metadata["help"] for field in fields(declared.settings))
    assert hash(setup.settings) == hash(setup.settings)
    assert declared.hosts(setup.settings)


def test_the_settings_show_no_secret(setup: Setup) -> None:
    hold_secrets(setup, (repr(setup.settings), str(setup.settings)))


@pytest.mark.parametrize("script", sorted(scripts()))
def test_no_event_and_no_answer_trips_a_flow(setup: Setup, script: str) -> None:
    for event in events_for(setup.destination.name):
        hold_course(setup, setup.run(event, scripts()[script]))


def test_a_flow_changes_nothing_of_its_event(setup: Setup) -> None:
    for event in events_for(setup.destination.name):
        before = orjson.dumps([event.message, dict(event.options)])
        for script in SCRIPTS.values():
            setup.run(event, script)
        assert before == orjson.dumps([event.message, dict(event.options)])


def test_a_flow_says_the_same_each_time(setup: Setup) -> None:
    for event in events_for(setup.destination.name):
        for script in SCRIPTS.values():
            first, again = setup.run(event, script), setup.run(event, script)
            assert [plain(one) for one in first.requests] == [plain(one) for one in again.requests]
            assert (first.reasons, first.details) == (again.reasons, again.details)


def test_a_flow_that_was_cut_begins_with_the_same_request(setup: Setup) -> None:
    for event in decoded(setup.destination.name):
        whole = setup.run(event, SCRIPTS["unknown, then created"])
        if not whole.requests:
            continue
        cut = setup.destination.translate(event, setup.settings)
        begun = next(cut)
        cut.close()
        assert plain(whole.requests[0]) == plain(begun)


def test_operations_are_a_short_list(setup: Setup) -> None:
    runs = (setup.run(event, SCRIPTS["yes"]) for event in events_for(setup.destination.name))
    assert len({request.operation for told in runs for request in told.requests}) < 20


def test_no_answer_trips_its_interpretation(setup: Setup) -> None:
    destination = setup.destination
    for answer in ODD_ANSWERS:
        meant = destination.meaning(answer) if destination.meaning else None
        if isinstance(meant, Refused | WrongSetup):
            assert meant.reason in destination.reasons
        left = destination.quota(answer) if destination.quota else None
        assert left is None or left.left >= 0


@pytest.mark.parametrize("script", sorted(scripts()))
def test_login_and_check_hold_to_the_same_rules(setup: Setup, script: str) -> None:
    destination = setup.destination
    login = destination.login(setup.settings) if destination.login else None
    if login is not None:
        told = course(login, scripts()[script], destination)
        assert not [request for request in told.requests if request.login], "a login needs no login"
        hold_course(setup, told)
    if destination.check is not None:
        hold_course(setup, course(destination.check(setup.settings), scripts()[script], destination))


def test_merged_events_hold_to_the_same_rules(setup: Setup) -> None:
    merge = setup.destination.merge
    if merge is None:
        return
    merged = 0
    for events in runs_of_one_user(setup):
        before = orjson.dumps([event.message for event in events])
        for script in SCRIPTS.values():
            told = course(merge.translate(events, setup.settings), script, setup.destination)
            assert all(request.repeatable for request in told.requests)
            hold_course(setup, told)
        assert before == orjson.dumps([event.message for event in events])
        merged += 1
    together = (merge.together([one], one, setup.settings) for one in decoded(setup.destination.name))
    assert (merged > 0) is any(together)


def runs_of_one_user(setup: Setup) -> Iterator[list[Event]]:
    """Consecutive events of each user, as many as the mapping lets share a flow."""
    assert setup.destination.merge is not None
    together: dict[str, list[Event]] = {}
    for event in decoded(setup.destination.name):
        run = together.get(event.key, [])
        if run and setup.destination.merge.together(run, event, setup.settings):
            together[event.key] = [*run, event]
            continue
        if len(run) > 1:
            yield run
        together[event.key] = [event]
    yield from (run for run in together.values() if len(run) > 1)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "email", "url", "x"]), inner),
    max_leaves=8,
)
PLACES = ("email", "phone", "name", "createdAt", "language", "product_id", "products", "query", "price", "score", "url")
EVENT_NAMES = st.sampled_from(["Product Viewed", "Order Completed", "Products Searched", "x"])


@given(st.sampled_from(TYPES), st.dictionaries(st.sampled_from(PLACES), JSON), EVENT_NAMES, JSON)
@settings(max_examples=200, deadline=None)
def test_no_value_anywhere_trips_a_flow(kind: EventType, values: dict[str, Any], name: str, odd: Any) -> None:
    event = an_event(kind, event=name, properties=values, traits=values, context={"page": odd, "traits": odd})
    for destination_name in installed():
        destination = destination_of(destination_name)
        for chosen in SETUPS[destination_name].values():
            account = destination.settings(**chosen)
            for script in SCRIPTS.values():
                told = course(destination.translate(event, account), script, destination)
                assert set(told.reasons) <= set(destination.reasons)
                assert json.dumps([plain(request) for request in told.requests])


def test_a_whole_stream_is_translated(setup: Setup) -> None:
    lines = gzip.decompress((DATA / "stream.jsonl.gz").read_bytes()).splitlines()
    events = [member for line in lines for member in decode(a_record(line), setup.destination.name)]
    assert len(lines) == len(events)
    for event in events:
        assert isinstance(event, Event)
        hold_course(setup, setup.run(event, SCRIPTS["unknown, then created"]))
