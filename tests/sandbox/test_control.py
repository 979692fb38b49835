"""The control API, as another process uses it."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from tests.sandbox.calls import ORG_TOKEN, WOOTRIC
from tests.sandbox.http import Client, until, with_client
from worker.sandbox.faults import Hang, Rule


def lines(body: bytes) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in body.splitlines()]


def test_arrivals_come_as_json_lines() -> None:
    async def test(client: Client) -> None:
        await client.log_in()
        await client.learn(userId="u1")
        await client.learn(userId="u2")
        got = await client.control("GET", "arrivals")
        assert "application/x-ndjson" == got.headers["Content-Type"]
        assert [(1, "login", ""), (2, "learn/event", "u1"), (3, "learn/event", "u2")] == [
            (line["number"], line["operation"], line["user"]) for line in lines(got.body)
        ]
        asked: list[tuple[list[int], dict[str, str]]] = [
            ([2, 3], {"destination": "wigzo"}),
            ([3], {"since": "2"}),
            ([2], {"user": "u1"}),
            ([], {"destination": "wootric", "since": "1"}),
        ]
        answers = [await client.control("GET", "arrivals", **query) for _, query in asked]
        assert [numbers for numbers, _ in asked] == [[line["number"] for line in lines(got.body)] for got in answers]

    with_client(test)


def test_an_arrival_in_json_is_whole() -> None:
    async def test(client: Client) -> None:
        await client.learn(userId="u1")
        (line,) = lines((await client.control("GET", "arrivals")).body)
        assert line | {"time": 0, "lasted": 0 <= line["lasted"] < 60} == {
            "number": 1,
            "time": 0,
            "destination": "wigzo",
            "operation": "learn/event",
            "user": "u1",
            "method": "POST",
            "path": "/rest/v1/learn/event",
            "query": [],
            "body": {
                "userId": "u1",
                "eventName": "Signed Up",
                "eventval": {"plan": "pro"},
                "eventCategory": "EXTERNAL",
                "is_active": True,
                "source": "web",
            },
            "overlap": 0,
            "open": False,
            "status": 200,
            "accepted": True,
            "changed": True,
            "fault": "",
            "lasted": True,
        }

    with_client(test, clock=lambda: 0.0)


def test_counts_and_state_are_told() -> None:
    async def test(client: Client) -> None:
        await client.learn()
        counts = (await client.control("GET", "counts")).json
        state = (await client.control("GET", "state")).json
        assert (counts, state) == (client.sandbox.record.counts(), client.sandbox.vendors.state())
        assert (1, ["u1"]) == (counts["arrived"], list(state["wigzo"]["users"]))

    with_client(test)


def test_faults_are_put_and_taken_away() -> None:
    async def test(client: Client) -> None:
        rules = [{"users": ["u1"], "do": {"fault": "status", "status": 503}}]
        assert {"rules": 1} == (await client.control("PUT", "faults", rules)).json
        assert 503 == (await client.learn()).status
        assert {"rules": 0} == (await client.control("PUT", "faults", [])).json
        assert 200 == (await client.learn()).status

    with_client(test)


def test_eligibility_is_scripted() -> None:
    async def test(client: Client) -> None:
        await client.control("PUT", "eligibility", [{"eligible": False, "code": "throttled", "users": ["u1"]}])
        query = {"account_token": WOOTRIC.account_token, "external_id": "u1"}
        answer = (await client.ask("GET", "/eligible.json", params=query)).json
        assert (False, "throttled") == (answer["eligible"], answer["details"]["code"])

    with_client(test)


@pytest.mark.parametrize("window", ["fixed", "sliding"])
def test_a_limit_of_all_calls_is_put_and_taken_away(window: str) -> None:
    async def test(client: Client) -> None:
        given = {"wigzo": {"calls": 2, "per": 60, "window": window}}
        assert {"limits": 1} == (await client.control("PUT", "limits", given)).json
        said = [await client.learn() for _ in range(3)]
        assert [(200, None), (200, None), (429, "60")] == [(one.status, one.headers.get("Retry-After")) for one in said]
        assert (
            200
            == (
                await client.ask(
                    "GET", "/eligible.json", params={"account_token": WOOTRIC.account_token, "email": "a@example.com"}
                )
            ).status
        )
        assert 2 == len(client.sandbox.vendors.state()["wigzo"]["users"]["u1"]["events"])
        await client.control("PUT", "limits", {})
        assert 200 == (await client.learn()).status

    with_client(test, clock=lambda: 0.0)


def test_a_listener_is_closed_and_opened() -> None:
    async def test(client: Client) -> None:
        url = client.sandbox.url_of("wootric")
        await client.control("PUT", "listeners", {"wootric": False})
        with pytest.raises(OSError):
            await client.learn(url)
        await client.control("PUT", "listeners", {"wootric": True})
        assert 200 == (await client.learn(url)).status

    with_client(test, apart=["wootric"])


def test_tokens_are_changed_one_by_one() -> None:
    async def test(client: Client) -> None:
        tokens = {"wigzo": {"org_token": "new"}, "wootric": {"account_token": "NPS-new", "client_secret": "other"}}
        assert 200 == (await client.control("POST", "tokens", tokens)).status
        assert 401 == (await client.learn()).status
        account = client.sandbox.wootric.account
        assert ("NPS-new", WOOTRIC.client_id, "other") == (
            account.account_token,
            account.client_id,
            account.client_secret,
        )
        await client.control("POST", "tokens", {"wigzo": {"org_token": ORG_TOKEN, "api_token": "t"}})
        assert 401 == (await client.learn()).status

    with_client(test)


def test_access_tokens_are_revoked() -> None:
    async def test(client: Client) -> None:
        login = await client.log_in()
        await client.control("POST", "tokens", {"wootric": {"revoke": True}})
        assert 401 == (await client.ask("GET", "/v1/end_users/1", headers=login)).status

    with_client(test)


def test_whoever_hangs_is_released_and_everything_is_reset() -> None:
    async def test(client: Client) -> None:
        client.sandbox.put_faults(Rule(do=Hang()))
        for name in ("release", "reset"):
            hanging = asyncio.create_task(client.learn())
            await until(lambda: client.sandbox.record.counts()["open"] == 1)
            await client.control("POST", name)
            assert 200 == (await hanging).status
        assert [] == list(client.sandbox.arrivals())
        assert 200 == (await client.learn()).status

    with_client(test)


@pytest.mark.parametrize(
    ("method", "name", "value", "query", "part"),
    [
        ("PUT", "faults", [{"user": "u1"}], {}, "user"),
        ("PUT", "faults", {}, {}, "list"),
        ("PUT", "eligibility", [{}], {}, "eligible"),
        ("PUT", "limits", {"wigzo": {"calls": 2, "window": "of opportunity"}}, {}, "sliding"),
        ("PUT", "limits", {"wigzo": {"a minute": 2}}, {}, "a minute"),
        ("PUT", "listeners", {"wigzo": False}, {}, "wigzo"),
        ("PUT", "listeners", {"mixpanel": False}, {}, "mixpanel"),
        ("POST", "tokens", {"wigzo": {"token": "s3cret"}}, {}, "token"),
        ("POST", "tokens", {"wigzo": {"org_token": ""}}, {}, "org_token"),
        ("GET", "arrivals", None, {"destination": "mixpanel"}, "wigzo"),
        ("GET", "arrivals", None, {"since": "soon"}, "soon"),
    ],
)
def test_a_mistake_is_answered_with_400_and_what_it_is(
    method: str, name: str, value: Any, query: dict[str, str], part: str
) -> None:
    async def test(client: Client) -> None:
        got = await client.control(method, name, value, **query)
        assert (400, True) == (got.status, part in got.json["error"])
        assert "s3cret" not in got.json["error"]

    with_client(test)


@pytest.mark.parametrize(("method", "name"), [("GET", "nothing"), ("GET", "faults"), ("POST", "counts")])
def test_there_are_no_other_control_calls(method: str, name: str) -> None:
    async def test(client: Client) -> None:
        assert 404 == (await client.control(method, name)).status

    with_client(test)


def test_control_calls_are_not_arrivals() -> None:
    async def test(client: Client) -> None:
        await client.control("GET", "counts")
        assert [] == list(client.sandbox.arrivals())

    with_client(test)
