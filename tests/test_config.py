"""The settings: what is read, from where, and what is said of every mistake."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.wigzo.settings import Account
from worker import config
from worker.adapters.connection import Connection
from worker.config import Address, Settings, SetupError
from worker.core.policy import Policy
from worker.core.rate import Rate
from worker.reference import own_mappings
from worker.settings.declared import of_account, of_table
from worker.settings.quantities import address, duration, is_web_url, show_duration, show_size, size
from worker.settings.tables import DestinationTable, KafkaSettings, WorkerSettings

EXAMPLE = Path("segment-relay.example.toml")
GOOD = """
[kafka]
bootstrap_servers = ["kafka.example:9092"]
topics = ["events"]
[destinations.shop]
mapping = "wigzo"
start_at = "latest"
settings.org_token = "org-secret"
"""


def loaded(text: str, tmp_path: Path, environ: Mapping[str, str] | None = None) -> Settings:
    file = tmp_path / "relay.toml"
    file.write_text(text)
    return config.load(file, environ or {})


def problems(text: str, tmp_path: Path, environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    with pytest.raises(SetupError) as error:
        loaded(text, tmp_path, environ)
    return error.value.problems


# --- What is right


def test_a_destination_gets_its_mapping_its_policy_its_group_and_its_topic(tmp_path: Path) -> None:
    shop = loaded(GOOD, tmp_path).destinations["shop"]
    assert ("segment-relay.shop", "segment-relay.shop.dead-letters") == (shop.group, shop.dead_letters)
    assert Account(org_token="org-secret") == shop.mapping_settings
    assert Policy(integration="Wigzo") == shop.policy
    assert ("latest", 3.0, 10.0, None, None) == (
        shop.start_at,
        shop.connect_timeout,
        shop.request_timeout,
        shop.proxy,
        shop.ca_file,
    )


def test_what_is_not_said_has_its_default(tmp_path: Path) -> None:
    settings = loaded(GOOD, tmp_path)
    assert KafkaSettings(bootstrap_servers=("kafka.example:9092",), topics=("events",)) == settings.kafka
    assert WorkerSettings() == settings.worker
    assert Address("127.0.0.1", 9404) == settings.worker.admin_address


def test_every_setting_of_a_destination_reaches_its_policy(tmp_path: Path) -> None:
    text = GOOD.replace(
        'start_at = "latest"',
        """
        start_at = 2026-11-01
        integration = "Shop"
        types = ["track", "page"]
        events_allowed = ["Order *"]
        events_denied = "Order Seen"
        consent_categories = ["ads"]
        consent_required = true
        max_age = "30d"
        concurrency = 7
        rate = "100/min"
        retry_window = "90m"
        unknown_outcome = "dead-letter"
        buffer_events = 100
        buffer_bytes = "1MiB"
        proxy = "http://user:pass@proxy.example:3128"
        """,
    )
    shop = loaded(text, tmp_path).destinations["shop"]
    expected = Policy(
        integration="Shop",
        types=frozenset({"track", "page"}),
        events_allowed=("Order *",),
        events_denied=("Order Seen",),
        consent_categories=("ads",),
        consent_required=True,
        max_age=30 * 86400.0,
        concurrency=7,
        rate=Rate(100, 60.0),
        retry_window=5400.0,
        unknown_outcome="dead-letter",
        buffer_events=100,
        buffer_bytes=1 << 20,
    )
    assert expected == shop.policy
    assert (1793491200.0, "http://user:pass@proxy.example:3128") == (shop.start_at, shop.proxy)


def test_the_environment_wins_over_the_file_and_a_secret_file_over_both(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("from-secret-file\n")
    environ = {
        "SEGMENT_RELAY_KAFKA__TOPICS": "a, b",
        "SEGMENT_RELAY_DESTINATIONS__SHOP__SETTINGS__ORG_TOKEN": "from-environment",
        "SEGMENT_RELAY_DESTINATIONS__SHOP__SETTINGS__ORG_TOKEN_FILE": str(secret),
    }
    settings = loaded(GOOD, tmp_path, environ)
    assert ("a", "b") == settings.kafka.topics
    assert Account(org_token="from-secret-file") == settings.destinations["shop"].mapping_settings
    origins = {".".join(row.path): row.origin for row in config.effective(settings)}
    assert {
        "kafka.bootstrap_servers": str(tmp_path / "relay.toml"),
        "kafka.topics": "SEGMENT_RELAY_KAFKA__TOPICS",
        "kafka.group": "default",
        "destinations.shop.settings.org_token": f"secret file {secret}",
    } == {name: origins[name] for name in origins if name in _SHOWN}


_SHOWN = {"kafka.bootstrap_servers", "kafka.topics", "kafka.group", "destinations.shop.settings.org_token"}


def test_everything_may_come_from_the_environment() -> None:
    environ = {
        "SEGMENT_RELAY_KAFKA__BOOTSTRAP_SERVERS": '["kafka.example:9092"]',
        "SEGMENT_RELAY_KAFKA__TOPICS": "events",
        "SEGMENT_RELAY_KAFKA__CREATE_TOPICS": "false",
        "SEGMENT_RELAY_DESTINATIONS__MY_SHOP__MAPPING": "wigzo",
        "SEGMENT_RELAY_DESTINATIONS__MY_SHOP__CONCURRENCY": "9",
        "SEGMENT_RELAY_DESTINATIONS__MY_SHOP__SETTINGS__ORG_TOKEN": "t",
    }
    settings = config.load(None, environ)
    assert ["my-shop"] == list(settings.destinations)
    assert (False, 9) == (settings.kafka.create_topics, settings.destinations["my-shop"].policy.concurrency)


def test_what_kubernetes_puts_into_the_environment_is_not_taken_for_settings(tmp_path: Path) -> None:
    environ = {"SEGMENT_RELAY_PORT": "tcp://10.0.0.1:9404", "SEGMENT_RELAY_SERVICE_HOST": "10.0.0.1"}
    assert loaded(GOOD, tmp_path) == loaded(GOOD, tmp_path, environ)


def test_an_empty_variable_counts_as_absent(tmp_path: Path) -> None:
    assert loaded(GOOD, tmp_path) == loaded(GOOD, tmp_path, {"SEGMENT_RELAY_KAFKA__GROUP": ""})


def test_the_connection_has_what_the_settings_say(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("kafka-secret")
    text = GOOD.replace(
        'topics = ["events"]',
        f"""
        topics = ["events"]
        security_protocol = "SASL_SSL"
        sasl_mechanism = "SCRAM-SHA-512"
        sasl_username = "relay"
        sasl_password_file = "{password}"
        ca_file = "{password}"
        """,
    )
    expected = Connection(
        bootstrap_servers=("kafka.example:9092",),
        security_protocol="SASL_SSL",
        sasl_mechanism="SCRAM-SHA-512",
        sasl_username="relay",
        sasl_password="kafka-secret",
        ca_file=str(password),
    )
    assert expected == config.connection_of(loaded(text, tmp_path))


def test_a_secret_file_is_read_anew_when_asked(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("first")
    text = GOOD.replace('settings.org_token = "org-secret"', f'settings.org_token_file = "{token}"')
    settings = loaded(text, tmp_path)
    token.write_text("second\n")
    assert Account(org_token="second") == config.reload_secrets(settings, "shop")


def test_a_secret_file_that_is_gone_when_read_anew_is_a_mistake_in_the_set_up(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("first")
    text = GOOD.replace('settings.org_token = "org-secret"', f'settings.org_token_file = "{token}"')
    settings = loaded(text, tmp_path)
    token.unlink()
    with pytest.raises(SetupError, match=r"org_token_file .*No such file"):
        config.reload_secrets(settings, "shop")


# --- What is wrong

TOKEN = 'settings.org_token = "org-secret"'
SHOP = "destinations.shop"
VARIABLE = "SEGMENT_RELAY_DESTINATIONS__SHOP"
DURATION = 'a duration above 0: seconds, or text like "500ms", "10s", "4h"'
MISTAKES: dict[str, tuple[Any, ...]] = {
    "a misspelt setting": (
        ("topics =", "topcis ="),
        (
            "kafka.topics (SEGMENT_RELAY_KAFKA__TOPICS): found nothing, "
            'expected a list of topic names, like ["segment-events"]'
        ),
        "kafka.topcis (SEGMENT_RELAY_KAFKA__TOPCIS): there is no such setting; did you mean kafka.topics?",
    ),
    "a misspelt table": (
        ("[kafka]", "[worker]\ndrain_timeot = 1\n[kafka]"),
        (
            "worker.drain_timeot (SEGMENT_RELAY_WORKER__DRAIN_TIMEOT): there is no such setting; "
            "did you mean worker.drain_timeout?"
        ),
    ),
    "a setting like no other": (
        ("[kafka]", "[worker]\nxyz = 1\n[kafka]"),
        (
            "worker.xyz (SEGMENT_RELAY_WORKER__XYZ): there is no such setting; there are "
            "admin_address, commit_interval, drain_timeout, log_format, log_level, start_timeout"
        ),
    ),
    "a mapping's setting in the worker's table": (
        (TOKEN, f'{TOKEN}\nproduct_event = "p"'),
        (
            f"{SHOP}.product_event ({VARIABLE}__PRODUCT_EVENT): there is no such setting; "
            f"did you mean {SHOP}.settings.product_event?"
        ),
    ),
    "a missing token": (
        (TOKEN, ""),
        (
            f"{SHOP}.settings.org_token ({VARIABLE}__SETTINGS__ORG_TOKEN): found nothing, "
            f"expected text (or {SHOP}.settings.org_token_file)"
        ),
    ),
    "an empty token": (
        ("org-secret", ""),
        (
            f"{SHOP}.settings.org_token ({VARIABLE}__SETTINGS__ORG_TOKEN): found nothing, "
            f"expected text (or {SHOP}.settings.org_token_file)"
        ),
    ),
    "a token that is no text": (
        ('"org-secret"', "12345678"),
        (
            f"{SHOP}.settings.org_token ({VARIABLE}__SETTINGS__ORG_TOKEN): "
            "found something else (a secret is not shown), expected text"
        ),
    ),
    "a secret file that is not there": (
        (TOKEN, 'settings.org_token_file = "/nowhere/token"'),
        (
            f"{SHOP}.settings.org_token_file ({VARIABLE}__SETTINGS__ORG_TOKEN_FILE): "
            "found /nowhere/token (No such file or directory), expected a file with the secret"
        ),
    ),
    "half a pair of credentials": (
        (
            '"wigzo"\nstart_at = "latest"\nsettings.org_token = "org-secret"',
            '"wootric"\nsettings.account_token = "NPS-00000000"\nsettings.client_id = "c"',
        ),
        (
            f"{SHOP}.settings.client_secret ({VARIABLE}__SETTINGS__CLIENT_SECRET): client_secret is missing: "
            "client_id and client_secret go together (Wootric: Settings > API)"
        ),
    ),
    "a bad URL": (
        (TOKEN, f'{TOKEN}\nsettings.base_url = "htp:/wigzo"'),
        (
            f'{SHOP}.settings.base_url ({VARIABLE}__SETTINGS__BASE_URL): found "htp:/wigzo", '
            'expected a URL like "https://api.example.com"'
        ),
    ),
    "a proxy that is no URL": (
        (TOKEN, f'{TOKEN}\nproxy = "user:pass@proxy"'),
        (
            f"{SHOP}.proxy ({VARIABLE}__PROXY): found something else (a secret is not shown), "
            'expected a URL like "http://proxy.example:3128"'
        ),
    ),
    "an unknown mapping": (
        ('"wigzo"', '"wigzoo"'),
        (
            f'{SHOP}.mapping ({VARIABLE}__MAPPING): found "wigzoo", '
            "expected an installed mapping (installed are wigzo, wootric)"
        ),
    ),
    "no mapping": (
        ('mapping = "wigzo"', ""),
        f"{SHOP}.mapping ({VARIABLE}__MAPPING): found nothing, expected the name of an installed mapping",
    ),
    "a bad duration": (
        (TOKEN, f'{TOKEN}\nretry_window = "4 hours"'),
        f'{SHOP}.retry_window ({VARIABLE}__RETRY_WINDOW): found "4 hours", expected {DURATION}',
    ),
    "a negative duration": (
        (TOKEN, f"{TOKEN}\nretry_window = -1"),
        f"{SHOP}.retry_window ({VARIABLE}__RETRY_WINDOW): found -1, expected {DURATION}",
    ),
    "a number that is none": (
        (TOKEN, f"{TOKEN}\nconcurrency = true"),
        f'{SHOP}.concurrency ({VARIABLE}__CONCURRENCY): found true, expected a whole number above 0, or "auto"',
    ),
    "a bad size": (
        (TOKEN, f'{TOKEN}\nbuffer_bytes = "64 megs"'),
        (
            f'{SHOP}.buffer_bytes ({VARIABLE}__BUFFER_BYTES): found "64 megs", '
            'expected a size above 0: bytes, or text like "64MiB"'
        ),
    ),
    **{
        f"a rate {rate}": (
            (TOKEN, f"{TOKEN}\nrate = {rate}"),
            (
                f"{SHOP}.rate ({VARIABLE}__RATE): found {rate}, "
                'expected a number of requests above 0 and a period, like "100/min" ("/s", "/min" or "/h")'
            ),
        )
        for rate in ('"100"', "100", '"0/min"', '"100/day"', '"1.5/s"', '"-3/s"')
    },
    "a bad start": (
        ('"latest"', '"newest"'),
        (
            f'{SHOP}.start_at ({VARIABLE}__START_AT): found "newest", '
            'expected "earliest", "latest", or a time like "2026-11-01T00:00:00Z"'
        ),
    ),
    "an unknown type of events": (
        (TOKEN, f'{TOKEN}\ntypes = ["trak"]'),
        (
            f'{SHOP}.types ({VARIABLE}__TYPES): found ["trak"], expected a list of '
            '"identify" or "track" or "page" or "screen" or "group" or "alias"'
        ),
    ),
    "a server without a port": (
        ("kafka.example:9092", "kafka.example"),
        (
            'kafka.bootstrap_servers (SEGMENT_RELAY_KAFKA__BOOTSTRAP_SERVERS): found ["kafka.example"], '
            'expected a list of hosts with ports, like ["kafka-1.example:9092"]'
        ),
    ),
    "an address without a port": (
        ("[kafka]", '[worker]\nadmin_address = "localhost"\n[kafka]'),
        (
            'worker.admin_address (SEGMENT_RELAY_WORKER__ADMIN_ADDRESS): found "localhost", '
            'expected a host and a port, like "127.0.0.1:9404"'
        ),
    ),
    "a certificate that is not there": (
        ("topics =", 'ca_file = "/nowhere/ca.pem"\ntopics ='),
        'kafka.ca_file (SEGMENT_RELAY_KAFKA__CA_FILE): found "/nowhere/ca.pem", expected a file that can be read',
    ),
    "a password without the rest": (
        ("topics =", 'security_protocol = "SASL_SSL"\nsasl_password = "kafka-secret"\ntopics ='),
        (
            "kafka.sasl_mechanism (SEGMENT_RELAY_KAFKA__SASL_MECHANISM): found nothing, "
            "expected one, as kafka.security_protocol is SASL_SSL"
        ),
        (
            "kafka.sasl_username (SEGMENT_RELAY_KAFKA__SASL_USERNAME): found nothing, "
            "expected one, as kafka.security_protocol is SASL_SSL"
        ),
    ),
    "a password that nobody is shown": (
        ("topics =", 'sasl_password = "kafka-secret"\ntopics ='),
        (
            'kafka.security_protocol (SEGMENT_RELAY_KAFKA__SECURITY_PROTOCOL): found "PLAINTEXT", '
            "expected SASL_SSL or SASL_PLAINTEXT, as kafka.sasl_password is set"
        ),
    ),
    "a certificate without its key": (
        ("topics =", f'cert_file = "{EXAMPLE}"\ntopics ='),
        "kafka.key_file (SEGMENT_RELAY_KAFKA__KEY_FILE): found nothing, expected a file, as kafka.cert_file is set",
    ),
    "requests that outlive a drain and a session": (
        (TOKEN, f'{TOKEN}\nrequest_timeout = "1m"'),
        (
            f"{SHOP}.request_timeout ({VARIABLE}__REQUEST_TIMEOUT): found 1m, "
            "expected less than worker.drain_timeout (45s)"
        ),
        (
            f"{SHOP}.request_timeout ({VARIABLE}__REQUEST_TIMEOUT): found 1m, "
            "expected at most a third of kafka.session_timeout (15s)"
        ),
    ),
    "a first byte that may come after its answer": (
        (TOKEN, f'{TOKEN}\nfirst_byte_timeout = "11s"'),
        (
            f"{SHOP}.first_byte_timeout ({VARIABLE}__FIRST_BYTE_TIMEOUT): found 11s, "
            "expected at most request_timeout (10s)"
        ),
    ),
    "a drain that outlives the membership": (
        ("[kafka]", '[worker]\ndrain_timeout = "5m"\n[kafka]'),
        (
            "worker.drain_timeout (SEGMENT_RELAY_WORKER__DRAIN_TIMEOUT): found 5m, "
            "expected less than kafka.max_poll_interval (5m)"
        ),
    ),
    "heartbeats too rare for the session": (
        ("topics =", "heartbeat_interval = 20\ntopics ="),
        (
            "kafka.heartbeat_interval (SEGMENT_RELAY_KAFKA__HEARTBEAT_INTERVAL): found 20s, "
            "expected at most a third of kafka.session_timeout (15s)"
        ),
    ),
    "a destination's name that no topic can have": (
        ("destinations.shop", 'destinations."My Shop"'),
        (
            'destinations.My Shop: found "My Shop", expected a name of lower-case letters, digits and hyphens, '
            "at most 60 long"
        ),
    ),
    "no destination": (
        (GOOD[GOOD.index("[destinations") :], ""),
        "destinations: found none, expected a table [destinations.<name>] for each",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_with_the_setting_what_was_found_and_what_is_expected(name: str, tmp_path: Path) -> None:
    (before, after), *expected = MISTAKES[name]
    assert before in GOOD
    told = problems(GOOD.replace(before, after), tmp_path)
    assert tuple(expected) == told
    assert not any(
        secret in line for line in told for secret in ("org-secret", "kafka-secret", "12345678", "user:pass")
    )


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = """
    [kafka]
    topics = []
    session_timeout = "soon"
    [worker]
    log_level = "loud"
    [destinations.a]
    mapping = "wigzo"
    [destinations.b]
    mapping = "wootric"
    request_timeout = "no"
    settings.account_token = "NPS-00000000"
    settings.client_secret = "s"
    [destinations.c]
    """
    assert [
        "kafka.bootstrap_servers",
        "kafka.topics",
        "kafka.session_timeout",
        "worker.log_level",
        "destinations.a.settings.org_token",
        "destinations.b.request_timeout",
        "destinations.b.settings.client_id",
        "destinations.c.mapping",
    ] == [line.split(" ")[0] for line in problems(text, tmp_path)]


JUNK = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)
NAMES = st.sampled_from(
    [
        *(f"kafka.{name}" for name in of_table(KafkaSettings)),
        *(f"worker.{name}" for name in of_table(WorkerSettings)),
        *(f"destinations.shop.{name}" for name in of_table(DestinationTable)),
        *(f"destinations.shop.settings.{name}" for name in of_account(Account)),
        *("kafka", "destinations", "destinations.shop.settings", "x", "kafka.sasl_password_file"),
    ]
)


@given(NAMES, JUNK)
def test_no_value_whatever_is_more_than_a_mistake(name: str, value: object) -> None:
    """Neither a wrong type nor a wild number ends in a traceback."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "relay.toml"
        text = json.dumps(value).replace("NaN", "nan").replace("Infinity", "inf")
        file.write_text(f"{name} = {text}\n", "utf-8")
        with pytest.raises(SetupError) as error:
            config.load(file, {})
    assert error.value.problems


@given(st.dictionaries(NAMES, st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)))
def test_no_environment_whatever_is_more_than_a_mistake(values: Mapping[str, str]) -> None:
    environ = {f"SEGMENT_RELAY_{name.upper().replace('.', '__')}": value for name, value in values.items()}
    with pytest.raises(SetupError) as error:
        config.load(None, environ)
    assert error.value.problems


def test_the_message_counts_the_mistakes() -> None:
    assert "2 mistakes in the set-up:\n  a\n  b" == str(SetupError(["a", "b"]))
    assert "1 mistake in the set-up:\n  a" == str(SetupError(["a"]))


def test_a_file_that_is_no_toml_is_one_mistake(tmp_path: Path) -> None:
    (line,) = problems("[kafka\n", tmp_path)
    assert f"{tmp_path / 'relay.toml'}: this settings file is not TOML: " in line


def test_a_file_that_is_not_there_is_one_mistake(tmp_path: Path) -> None:
    with pytest.raises(SetupError) as error:
        config.load(tmp_path / "none.toml", {})
    assert (f"{tmp_path / 'none.toml'}: this settings file cannot be read (No such file or directory)",) == (
        error.value.problems
    )


def test_an_empty_secret_file_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("\n")
    (line,) = problems(GOOD.replace(TOKEN, f'settings.org_token_file = "{tmp_path / "token"}"'), tmp_path)
    assert f"found {tmp_path / 'token'} (empty), expected a file with the secret" in line


def test_a_misspelt_variable_is_told(tmp_path: Path) -> None:
    assert (
        "kafka.tpics (SEGMENT_RELAY_KAFKA__TPICS): there is no such setting; did you mean kafka.topics?",
    ) == problems(GOOD, tmp_path, {"SEGMENT_RELAY_KAFKA__TPICS": "a"})


# --- Discretion


def test_no_secret_is_in_what_can_be_printed(tmp_path: Path) -> None:
    text = GOOD.replace(TOKEN, f'{TOKEN}\nproxy = "http://user:pass@proxy.example:1"').replace(
        "topics =",
        'security_protocol = "SASL_SSL"\nsasl_mechanism = "PLAIN"\nsasl_username = "u"\n'
        'sasl_password = "kafka-secret"\ntopics =',
    )
    settings = loaded(text, tmp_path)
    secrets = {"org-secret", "kafka-secret", "http://user:pass@proxy.example:1"}
    assert secrets == config.secrets_of(settings)
    shown = (
        repr(settings)
        + "".join(row.shown for row in config.effective(settings))
        + repr(list(config.effective(settings)))
    )
    assert not any(secret in shown for secret in secrets)


# --- The example and the quantities


def test_the_example_file_loads() -> None:
    settings = config.load(EXAMPLE, {})
    assert {"wigzo": "Wigzo", "wootric": "Wootric"} == {
        name: found.policy.integration for name, found in settings.destinations.items()
    }


def test_the_example_file_names_every_setting() -> None:
    text = EXAMPLE.read_text()
    ours = [of_table(table) for table in (KafkaSettings, WorkerSettings, DestinationTable)]
    theirs = [of_account(destination.settings) for _, destination in own_mappings()]
    names = {name for settings in (*ours, *theirs) for name in settings}
    assert set() == {name for name in names if f"{name} = " not in text and f"{name}_file = " not in text}


@given(st.one_of(st.integers(1, 10**6).map(float), st.sampled_from([0.5, 0.001, 14400.0, 5400.0])))
def test_a_duration_reads_back_as_it_is_shown(seconds: float) -> None:
    assert seconds == pytest.approx(duration(show_duration(seconds)))


@given(st.integers(1, 1 << 40))
def test_a_size_reads_back_as_it_is_shown(count: int) -> None:
    assert count == size(show_size(count))


@pytest.mark.parametrize(
    ("text", "seconds"), [("500ms", 0.5), ("1h30m", 5400.0), ("45", 45.0), (2, 2.0), ("1.5s", 1.5), ("2d", 172800.0)]
)
def test_a_duration_may_be_written_in_many_ways(text: object, seconds: float) -> None:
    assert seconds == duration(text)


@pytest.mark.parametrize("text", [True, "", "soon", "4x", "4h and", "nan", "inf", None, []])
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError):
        duration(text)


@pytest.mark.parametrize(
    ("text", "count"), [("64MiB", 64 << 20), ("1KiB", 1024), ("2 GiB", 2 << 30), ("7", 7), (7, 7), ("3B", 3)]
)
def test_a_size_may_be_written_in_many_ways(text: object, count: int) -> None:
    assert count == size(text)


@pytest.mark.parametrize("text", [True, "", "much", "1.5MiB", "1 MB", None, 1.5])
def test_what_is_no_size_is_refused(text: object) -> None:
    with pytest.raises(ValueError):
        size(text)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ('"earliest"', "earliest"),
        ('"2026-11-01T00:00:00Z"', 1793491200.0),
        ('"2026-11-01T01:00:00+01:00"', 1793491200.0),
        ('"2026-11-01"', 1793491200.0),
        ("2026-11-01T00:00:00", 1793491200.0),
        ("2026-11-01T00:00:00Z", 1793491200.0),
    ],
)
def test_a_start_may_be_a_word_or_a_time(written: str, expected: object, tmp_path: Path) -> None:
    settings = loaded(GOOD.replace('"latest"', written), tmp_path)
    assert expected == settings.destinations["shop"].start_at


@pytest.mark.parametrize(
    ("text", "expected"), [("127.0.0.1:9404", "127.0.0.1:9404"), ("[::1]:0", "[::1]:0"), ("localhost:1", "localhost:1")]
)
def test_an_address_reads_back_as_it_is_shown(text: str, expected: str) -> None:
    assert expected == str(address(text))


@pytest.mark.parametrize("text", ["", "localhost", ":1", "a:b", "a:65536", 9404])
def test_what_is_no_address_is_refused(text: object) -> None:
    with pytest.raises(ValueError):
        address(text)


@pytest.mark.parametrize(
    "url",
    ["ftp://a.example", "https://", "https://u:p@a.example", "https://a.example/?t=1", "http://[", "http://a:0", ""],
)
def test_what_may_not_be_a_vendor_s_url_is_refused(url: str) -> None:
    assert not is_web_url(url)


def test_a_secret_file_that_is_no_text_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"\xff\xfe")
    (line,) = problems(GOOD.replace(TOKEN, f'settings.org_token_file = "{tmp_path / "token"}"'), tmp_path)
    assert f"found {tmp_path / 'token'} (not UTF-8 text), expected a file with the secret" in line


def test_the_program_ends_with_2_and_all_mistakes_on_standard_error(tmp_path: Path) -> None:
    file = tmp_path / "relay.toml"
    file.write_text(GOOD.replace("topics =", "topcis ="))
    command = [sys.executable, "-m", "worker.cli", "config", "--config", str(file)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env={})
    expected = (
        "segment-relay: 2 mistakes in the set-up:\n"
        "  kafka.topics (SEGMENT_RELAY_KAFKA__TOPICS): found nothing, "
        'expected a list of topic names, like ["segment-events"]\n'
        "  kafka.topcis (SEGMENT_RELAY_KAFKA__TOPCIS): there is no such setting; did you mean kafka.topics?\n"
    )
    assert (2, "", expected) == (ended.returncode, ended.stdout, ended.stderr)


@pytest.mark.parametrize(
    ("written", "rate"),
    [("20/s", Rate(20, 1.0)), (" 100 / min ", Rate(100, 60.0)), ("5000/h", Rate(5000, 3600.0))],
)
def test_a_rate_is_so_many_requests_in_a_second_a_minute_or_an_hour(tmp_path: Path, written: str, rate: Rate) -> None:
    settings = loaded(GOOD.replace('start_at = "latest"', f'start_at = "latest"\nrate = "{written}"'), tmp_path)
    (shown,) = (row.shown for row in config.effective(settings) if row.path[-1] == "rate")
    assert (rate, f'"{written.replace(" ", "")}"') == (settings.destinations["shop"].policy.rate, shown)
