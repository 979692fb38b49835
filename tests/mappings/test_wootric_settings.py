"""The settings of a Wootric account: region, credentials, actions, and what is said when they are wrong."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from mappings.wootric import DESTINATION
from mappings.wootric.settings import Account
from tests.mappings.golden import CASES

TOKEN = "NPS-5a4db0c1"
CREDENTIALS = {"client_id": "client", "client_secret": "hush-hush"}


def an_account(**settings: Any) -> Account:
    return Account(**{"account_token": TOKEN, **settings})


@pytest.mark.parametrize(
    ("token", "api", "eligibility"),
    [
        ("NPS-5a4db0c1", "https://api.wootric.com", "https://eligibility.wootric.com"),
        ("NPS-EU5a4db0c1", "https://api.wootric.eu", "https://eligibility.wootric.eu"),
        ("NPS-AU5a4db0c1", "https://api.wootric.au", "https://eligibility.wootric.au"),
    ],
)
def test_the_token_selects_the_region(token: str, api: str, eligibility: str) -> None:
    account = an_account(account_token=token)
    assert (api, eligibility) == (account.api, account.eligibility)
    assert frozenset({api, eligibility}) == DESTINATION.hosts(account)


def test_an_address_of_one_s_own_replaces_the_region_s() -> None:
    account = an_account(api_url="http://127.0.0.1:8080/api/", eligibility_url="http://[::1]:8081")
    assert ("http://127.0.0.1:8080/api", "http://[::1]:8081") == (account.api, account.eligibility)
    assert frozenset({"http://127.0.0.1:8080", "http://[::1]:8081"}) == DESTINATION.hosts(account)


@pytest.mark.parametrize(
    ("settings", "eligibility", "properties"),
    [
        ({}, True, False),
        (CREDENTIALS, True, True),
        ({**CREDENTIALS, "actions": frozenset({"eligibility"})}, True, False),
        ({**CREDENTIALS, "actions": frozenset({"properties"})}, False, True),
        ({"actions": frozenset({"eligibility"})}, True, False),
    ],
)
def test_both_actions_are_taken_unless_one_is_named_or_credentials_are_missing(
    settings: dict[str, Any], eligibility: bool, properties: bool
) -> None:
    account = an_account(**settings)
    assert (eligibility, properties) == (account.does("eligibility"), account.does("properties"))


ADDRESS = 'must be an address like "https://api.wootric.com", without query, fragment or password'


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"account_token": ""}, 'account_token must look like "NPS-XXXXXXXX" (Wootric: Settings)'),
        ({"account_token": "NPS-"}, 'account_token must look like "NPS-XXXXXXXX" (Wootric: Settings)'),
        ({"account_token": "NPS-a b"}, 'account_token must look like "NPS-XXXXXXXX" (Wootric: Settings)'),
        (
            {"client_id": "client"},
            "client_secret is missing: client_id and client_secret go together (Wootric: Settings > API)",
        ),
        (
            {"client_secret": "hush-hush"},
            "client_id is missing: client_id and client_secret go together (Wootric: Settings > API)",
        ),
        ({"api_url": "api.wootric.com"}, f"api_url {ADDRESS}"),
        ({"api_url": "https://me:pw@api.example"}, f"api_url {ADDRESS}"),
        ({"api_url": "https://api.example:http"}, f"api_url {ADDRESS}"),
        ({"eligibility_url": "https://api.example?x=1"}, f"eligibility_url {ADDRESS}"),
        ({"eligibility_url": "https://"}, f"eligibility_url {ADDRESS}"),
        (
            {**CREDENTIALS, "actions": frozenset()},
            'actions must name "eligibility", "properties" or both (to send no track, page or screen, set types)',
        ),
        (
            {"actions": frozenset({"responses"})},
            'actions must name "eligibility", "properties" or both (to send no track, page or screen, set types)',
        ),
        ({"actions": frozenset({"properties"})}, 'actions: "properties" needs client_id and client_secret'),
        ({"email_survey_on_eligible": True}, "email_survey_on_eligible needs client_id and client_secret"),
        (
            {**CREDENTIALS, "actions": frozenset({"properties"}), "email_survey_on_eligible": True},
            'email_survey_on_eligible needs "eligibility" among actions',
        ),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_expected(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        an_account(**settings)


def test_all_mistakes_are_told_at_once_and_no_secret_among_them() -> None:
    with pytest.raises(ValueError) as error:
        an_account(account_token="5a4db0c1", client_secret="hush-hush", api_url="x")
    assert 3 == len(str(error.value).split("; "))
    assert not [secret for secret in ("5a4db0c1", "hush-hush") if secret in str(error.value)]


def test_an_account_shows_no_secret() -> None:
    shown = repr(an_account(**CREDENTIALS))
    assert not [secret for secret in ("5a4db0c1", "hush-hush") if secret in shown]


def test_two_accounts_remember_under_different_keys() -> None:
    keys = {an_account().key, an_account(account_token="NPS-other").key, an_account(api_url="http://127.0.0.1").key}
    assert 3 == len(keys)
    assert not [key for key in keys if "5a4db0c1" in key]


def test_every_reason_and_note_of_the_golden_cases_is_declared() -> None:
    outcomes = [json.loads(path.read_text("utf-8"))["outcome"] for path in sorted(CASES.glob("wootric/*.json"))]
    said = {word for outcome in outcomes for word in outcome.values()} - {""}
    assert said == DESTINATION.reasons.keys() - {"unchecked", "one-by-one"}
