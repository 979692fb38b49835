from __future__ import annotations

import dataclasses
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.contract import Delivered, Refused, Rejected, Response, WrongSetup
from mappings.wigzo import DESTINATION
from mappings.wigzo.answers import meaning
from mappings.wigzo.ecommerce import BY_SPELLING
from mappings.wigzo.settings import Account
from tests.builders import an_event
from tests.mappings.golden import drive

ACCOUNT = Account(org_token="ORG")
NO_URL = "base_url must be an absolute http or https URL without query or login, such as https://app.wigzo.com"


def sent(account: Account = ACCOUNT, /, **message: Any) -> Any:
    """The body of the one request that an event becomes."""
    (request,), _ = drive(DESTINATION.translate(an_event(**message), account), [Response(200)], DESTINATION)
    return request.json


# --- Settings


@pytest.mark.parametrize(
    ("changed", "mistakes"),
    [
        ({"org_token": " "}, ["org_token must not be empty"]),
        ({"product_event": ""}, ["product_event must not be empty"]),
        ({"user_id_format": "v4"}, ['user_id_format must be "verbatim" or "uuid"']),
        ({"base_url": "app.wigzo.com"}, [NO_URL]),
        ({"base_url": "ftp://app.wigzo.com"}, [NO_URL]),
        ({"base_url": "https://"}, [NO_URL]),
        ({"base_url": "https://app.wigzo.com?x=1"}, [NO_URL]),
        ({"base_url": "https://app.wigzo.com?"}, [NO_URL]),
        ({"base_url": "https://app.wigzo.com#x"}, [NO_URL]),
        ({"base_url": "https://a:b@app.wigzo.com"}, [NO_URL]),
        ({"base_url": "https://app.wigzo.com:x"}, [NO_URL]),
        ({"base_url": "https://app.wigzo.com:0"}, [NO_URL]),
        ({"base_url": "https://[::1"}, [NO_URL]),
        ({"base_url": "https://app. wigzo.com"}, [NO_URL]),
        ({"base_url": "https://app.wigzo.com/\n"}, [NO_URL]),
        ({"base_url": "https://münchen.example"}, [NO_URL]),
        ({"org_token": "", "base_url": ""}, ["org_token must not be empty", NO_URL]),
    ],
)
def test_every_mistake_in_the_settings_is_told_at_once(changed: dict[str, Any], mistakes: list[str]) -> None:
    with pytest.raises(ValueError, match="must") as raised:
        Account(**{"org_token": "ORG", **changed})
    assert "; ".join(mistakes) == str(raised.value)


@pytest.mark.parametrize(
    ("base_url", "origin", "event_url"),
    [
        ("https://app.wigzo.com", "https://app.wigzo.com", "https://app.wigzo.com/rest/v1/learn/event"),
        ("HTTPS://App.Wigzo.com:443/", "https://app.wigzo.com", "https://app.wigzo.com/rest/v1/learn/event"),
        ("http://127.0.0.1:8080/a//", "http://127.0.0.1:8080", "http://127.0.0.1:8080/a/rest/v1/learn/event"),
        ("http://[::1]:80", "http://[::1]", "http://[::1]/rest/v1/learn/event"),
    ],
)
def test_the_address_is_brought_to_one_form(base_url: str, origin: str, event_url: str) -> None:
    account = Account(org_token="ORG", base_url=base_url)
    assert (frozenset({origin}), event_url) == (DESTINATION.hosts(account), account.event_url)


def test_the_settings_never_show_a_token() -> None:
    account = Account(org_token="ORG", api_token="API")
    assert account.query == (("org_token", "ORG"), ("token", "API"))
    assert "ORG" not in repr(account)
    assert "API" not in repr(account)


def test_both_tokens_are_declared_secret() -> None:
    assert [field.name for field in dataclasses.fields(Account) if field.metadata["secret"]] == [
        "org_token",
        "api_token",
    ]


# --- Ids


@given(st.text(min_size=1))
def test_an_id_becomes_the_same_uuid_of_version_4_each_time(user_id: str) -> None:
    account = Account(org_token="ORG", user_id_format="uuid")
    first, again = (sent(account, event="x", user_id=user_id)["userId"] for _ in range(2))
    assert (first, 4, uuid.RFC_4122) == (again, uuid.UUID(first).version, uuid.UUID(first).variant)


@given(st.uuids())
def test_a_uuid_stays_itself(user_id: uuid.UUID) -> None:
    account = Account(org_token="ORG", user_id_format="uuid")
    assert str(user_id) == sent(account, event="x", user_id=str(user_id))["userId"]


@pytest.mark.parametrize(
    "user_id",
    [
        "{1e00ea56-57bf-4986-9adf-acff50e0d681}",
        "1e00ea5657bf49869adfacff50e0d681",
        "g" * 8 + "-57bf-4986-9adf-" + "0" * 12,
    ],
)
def test_what_is_written_unlike_a_uuid_is_none(user_id: str) -> None:
    account = Account(org_token="ORG", user_id_format="uuid")
    assert user_id != sent(account, event="x", user_id=user_id)["userId"]


@pytest.mark.parametrize("user_id", ["\ud83d", "\ude00x"])
def test_half_a_character_in_an_id_is_no_trouble(user_id: str) -> None:
    account = Account(org_token="ORG", user_id_format="uuid")
    assert uuid.UUID(sent(account, event="x", user_id=user_id)["userId"]).version == 4


# --- Names

PRODUCT = {"product_id": "40", "query": "tea", "products": [{"product_id": "40"}]}
NAMES = {
    "product viewed": "product/push",
    "viewed product": "product/push",
    "product clicked": "product/push",
    "clicked product": "product/push",
    "product added": "addtocart",
    "added product": "addtocart",
    "product added to cart from wishlist": "addtocart",
    "added to cart from wishlist product": "addtocart",
    "product removed": "removedfromcart",
    "removed product": "removedfromcart",
    "product added to wishlist": "wishlist",
    "added to wishlist product": "wishlist",
    "products searched": "search",
    "searched products": "search",
    "checkout started": "checkoutstarted",
    "started checkout": "checkoutstarted",
    "order completed": "buy",
    "completed order": "buy",
    "product reviewed": "review",
    "reviewed product": "review",
}


@given(st.sampled_from(sorted(NAMES)), st.data())
def test_a_name_is_known_in_any_case_with_any_single_separator(name: str, data: st.DataObject) -> None:
    words = [data.draw(st.sampled_from([word, word.upper(), word.title()])) for word in name.split()]
    spelt = words[0] + "".join(data.draw(st.sampled_from(["", " ", "_", "-"])) + word for word in words[1:])
    assert NAMES[name] == sent(event=spelt, properties=PRODUCT)["eventName"]


@pytest.mark.parametrize("name", sorted(NAMES))
@pytest.mark.parametrize("spoilt", ["{} ", " {}", "{}s ", "x{}", "{} Category", "{}\n"])
def test_a_name_with_anything_around_it_is_another_event(name: str, spoilt: str) -> None:
    other = spoilt.format(name)
    assert other == sent(event=other, properties=PRODUCT)["eventName"]


def test_no_spelling_means_two_things() -> None:
    # 7 + 10 pairs of two words in 4 spellings, 2 of four words in 64, 2 of six words in 1024.
    assert len(BY_SPELLING) == 16 * 4 + 2 * 64 + 2 * 1024


# --- Answers


@pytest.mark.parametrize(
    "answer",
    [
        Response(200, body=b'{"status":"success"}'),
        Response(200, body=b"{}"),
        Response(204),
        Response(200, body=None),
        Response(200, body=b'["status"]'),
        Response(200, body=b'{"status"'),
        Response(200, body=b'{"a":{"status":"no"}}'),
        Response(200, body=b"<html>token</html>"),
        Response(400, body=b'{"status":"error","message":"token"}'),
        Response(401, body=b'{"status":"error"}'),
        Response(500, body=b'{"status":"error"}'),
    ],
)
def test_the_workers_table_decides_where_no_2xx_says_no(answer: Response) -> None:
    assert meaning(answer) is None


@pytest.mark.parametrize("status", [b'"error"', b'"SUCCESS"', b"null", b"200", b"false", b"{}"])
def test_a_2xx_with_another_status_is_refused(status: bytes) -> None:
    body = b'{"status":' + status + b"}"
    assert Refused("refused", body.decode()) == meaning(Response(200, body=body))


@pytest.mark.parametrize("message", ["Invalid TOKEN", "no such Organization", "Unauthorized", "unauthorised"])
def test_a_2xx_that_speaks_of_the_account_is_a_wrong_setup(message: str) -> None:
    body = f'{{"status":"error","message":"{message}"}}'
    assert WrongSetup("wrong-account", body) == meaning(Response(200, body=body.encode()))


def test_a_refusal_keeps_the_beginning_of_a_long_answer() -> None:
    body = '{"status":"error","message":"' + "é" * 1000 + '"}'
    assert Refused("refused", body[:500]) == meaning(Response(200, body=body.encode()))


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Response(201), Delivered()),
        (Response(400, body=b"eventval is required"), Rejected("refused", "HTTP 400: eventval is required")),
        (Response(404, body=None), Rejected("refused", "HTTP 404: ")),
    ],
)
def test_the_one_answer_decides(answer: Response, outcome: object) -> None:
    _, ended = drive(DESTINATION.translate(an_event(event="x"), ACCOUNT), [answer], DESTINATION)
    assert outcome == ended
