"""The stand-ins over HTTP: the same answers as their pure halves give, and the record of what arrived."""

from __future__ import annotations

import asyncio

import aiohttp
import orjson
import pytest

from tests.sandbox.calls import NOW, ORG_TOKEN, WOOTRIC
from tests.sandbox.http import Client, Got, until, with_client
from worker.sandbox import Sandbox, wigzo, wootric
from worker.sandbox.faults import Hang, Rule
from worker.sandbox.limits import Limit


def test_an_event_arrives_is_answered_and_recorded() -> None:
    async def test(client: Client) -> None:
        got = await client.learn(userId="u1", eventName="Signed Up")
        assert (200, {"status": "success"}) == (got.status, got.json)
        (arrival,) = client.sandbox.arrivals()
        assert (1, NOW, "wigzo", "learn/event", "u1", "/rest/v1/learn/event", [], 200, True, True, False, "") == (
            arrival.number,
            arrival.time,
            arrival.destination,
            arrival.operation,
            arrival.user,
            arrival.path,
            arrival.query,
            arrival.status,
            arrival.accepted,
            arrival.changed,
            arrival.open,
            arrival.fault,
        )
        assert "Signed Up" == arrival.body["eventName"]

    with_client(test, clock=lambda: NOW)


def test_a_whole_conversation_with_wootric() -> None:
    async def test(client: Client) -> None:
        login = await client.log_in()
        missing = await client.ask("GET", "/v1/end_users/u%2F1?lookup_by_external_id=true", headers=login)
        form = {"email": "a@example.com", "external_id": "u/1", "properties[plan]": "pro & more"}
        created = await client.ask("POST", "/v1/end_users", headers=login, data=form)
        update = {"properties[plan]": "free"}
        updated = await client.ask("PUT", f"/v1/end_users/{created.json['id']}", headers=login, data=update)
        query = {"account_token": WOOTRIC.account_token, "email": "a@example.com", "properties[a]": "b"}
        eligible = await client.ask("GET", "/eligible.json", params=query)
        survey = await client.ask("POST", "/v1/email_survey", headers=login, data={"emails[]": "a@example.com"})
        assert [404, 201, 200, 200, 200] == [got.status for got in (missing, created, updated, eligible, survey)]
        assert ("pro & more", "free") == (created.json["properties"]["plan"], updated.json["properties"]["plan"])
        assert [
            ("login", ""),
            ("end-users/look-up", "u/1"),
            ("end-users/create", "u/1"),
            ("end-users/update", "u/1"),
            ("eligible", "u/1"),
            ("email-survey", "u/1"),
        ] == [(arrival.operation, arrival.user) for arrival in client.sandbox.arrivals("wootric")]

    with_client(test)


def test_an_escaped_slash_stays_within_an_id() -> None:
    async def test(client: Client) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(client.sandbox.url.rpartition(":")[2]))
        writer.write(b"GET /v1/end_users/a%2Fb%20c?lookup_by_external_id=true HTTP/1.0\r\n\r\n")
        await reader.read()
        writer.close()
        assert ["a/b c"] == [arrival.user for arrival in client.sandbox.arrivals()]

    with_client(test)


def test_a_token_expires_by_the_sandboxs_clock() -> None:
    now = [NOW]

    async def test(client: Client) -> None:
        login = await client.log_in()
        statuses = []
        for step in (0, 59, 1):
            now[0] += step
            statuses.append((await client.ask("GET", "/v1/end_users/1", headers=login)).status)
        assert [404, 404, 401] == statuses

    with_client(test, clock=lambda: now[0], wootric_account=wootric.Account(token_lifetime=60))


def test_limits_are_told_in_headers() -> None:
    async def test(client: Client) -> None:
        login = await client.log_in()
        answers = [await client.ask("GET", "/v1/end_users/1", headers=login) for _ in range(3)]
        names = ("X-Rate-Limit-Limit", "X-Rate-Limit-Remaining", "X-Rate-Limit-Reset")
        reset = str(int(NOW) + 60)
        assert [(404, ["2", "1", reset]), (404, ["2", "0", reset]), (429, ["2", "0", reset])] == [
            (answer.status, [answer.headers[name] for name in names]) for answer in answers
        ]

    with_client(test, clock=lambda: NOW, wootric_account=wootric.Account(limit=Limit(2)))


def test_the_record_and_the_reprs_hold_no_secret() -> None:
    secrets = ["s3cret-org", "s3cret-api", "NPS-s3cret", "s3cret-id", "s3cret-key"]
    org, api, account, id_, key = secrets

    async def test(client: Client) -> None:
        wrong = {"org_token": org, "client_secret": key, "account_token": account}
        form = {"grant_type": "client_credentials", "client_id": id_, "client_secret": key}
        token = (await client.ask("POST", "/oauth/token", data=form)).json["access_token"]
        login = {"Authorization": f"Bearer {token}"}
        tokens = {"org_token": org, "token": api}
        await client.ask("POST", "/rest/v1/learn/event", params=tokens, json={"userId": "u1"})
        await client.ask("POST", "/rest/v1/learn/event", params=tokens, data=b"{")
        await client.ask("GET", "/eligible.json", params={"account_token": account, "email": "a@example.com"})
        await client.ask("POST", "/v1/end_users", headers=login, data={"email": "a@example.com"} | wrong)
        await client.ask("GET", "/v1/end_users/1", headers=login, params={"access_token": token})
        await client.ask("POST", "/oauth/other", params=wrong, data=form)
        await client.ask("POST", "/oauth/token", params=form, data=form)
        told = [(await client.control("GET", name)).body.decode() for name in ("arrivals", "counts", "state")]
        sandbox = client.sandbox
        shown = [repr(list(sandbox.arrivals())), repr(sandbox.wigzo.account), repr(sandbox.wootric.account)]
        assert 8 == len(list(sandbox.arrivals()))
        assert [] == [secret for secret in [*secrets, token] for text in told + shown if secret in text]

    with_client(
        test,
        wigzo_account=wigzo.Account(org, api),
        wootric_account=wootric.Account(account, id_, key),
    )


def test_two_open_calls_of_one_user_overlap() -> None:
    async def test(client: Client) -> None:
        sandbox = client.sandbox
        sandbox.put_faults(Rule(times=3, do=Hang()))
        async with asyncio.TaskGroup() as tasks:
            for user in ("u1", "u1", "u2"):
                open_before = sandbox.record.counts()["open"]
                tasks.create_task(client.learn(userId=user))
                await until(lambda former=open_before: sandbox.record.counts()["open"] > former)  # type: ignore[misc]
            assert 3 == sandbox.record.counts()["open"]
            sandbox.release()
        await client.learn(userId="u1")
        assert [0, 1, 0, 0] == [arrival.overlap for arrival in sandbox.arrivals()]
        assert ({"wigzo": 1}, 0) == (sandbox.record.counts()["overlaps"], sandbox.record.counts()["open"])

    with_client(test)


def test_a_caller_that_gave_up_is_no_longer_open() -> None:
    async def test(client: Client) -> None:
        sandbox = client.sandbox
        sandbox.put_faults(Rule(times=1, do=Hang()))
        task = asyncio.create_task(client.learn())
        await until(lambda: sandbox.record.counts()["open"] == 1)
        task.cancel()
        await until(lambda: sandbox.record.counts()["open"] == 0)
        assert 200 == (await client.learn()).status
        assert [(None, False, 0), (200, True, 0)] == [(a.status, a.accepted, a.overlap) for a in sandbox.arrivals()]

    with_client(test)


def test_in_bounded_memory_only_counters_are_kept() -> None:
    async def test(client: Client) -> None:
        await client.learn()
        assert [] == list(client.sandbox.arrivals())
        assert {} == client.sandbox.wigzo.users
        assert {"wigzo": 1} == client.sandbox.record.counts()["accepted"]

    with_client(test, keep=False)


def test_a_reset_makes_it_as_new() -> None:
    async def test(client: Client) -> None:
        sandbox = client.sandbox
        login = await client.log_in()
        sandbox.put_faults(Rule(times=1, do=Hang()))
        hanging = asyncio.create_task(client.learn(userId="late"))
        await until(lambda: sandbox.record.counts()["open"] == 1)
        sandbox.reset()
        await hanging
        await client.learn(userId="new")
        assert ["new"] == [arrival.user for arrival in sandbox.arrivals()]
        assert 404 == (await client.ask("GET", "/v1/end_users/1", headers=login)).status

    with_client(test)


def test_a_destination_apart_can_refuse_connections_alone() -> None:
    async def learn(client: Client) -> list[str]:
        sandbox = client.sandbox
        answers = [client.learn(url) for url in (sandbox.url_of("wigzo"), sandbox.url_of("wootric"))]
        results: list[Got | BaseException] = await asyncio.gather(*answers, return_exceptions=True)
        return [str(got.status) if isinstance(got, Got) else type(got).__name__ for got in results]

    async def test(client: Client) -> None:
        sandbox = client.sandbox
        address = sandbox.url_of("wootric")
        assert sandbox.url == sandbox.url_of("wigzo") != address
        assert ["200", "200"] == await learn(client)
        await sandbox.refuse("wootric")
        await sandbox.refuse("wootric")
        assert ["200", "ClientConnectorError"] == await learn(client)
        await sandbox.accept("wootric")
        assert ["200", "200"] == await learn(client)
        assert address == sandbox.url_of("wootric")

    with_client(test, apart=["wootric"])


def test_refusing_drops_the_connections_that_are_there() -> None:
    async def test(client: Client) -> None:
        sandbox = client.sandbox
        sandbox.put_faults(Rule(do=Hang()))
        hanging = asyncio.create_task(client.learn(sandbox.url_of("wigzo")))
        await until(lambda: sandbox.record.counts()["open"] == 1)
        await sandbox.refuse("wigzo")
        with pytest.raises(aiohttp.ClientConnectionError):
            await hanging
        assert 0 == sandbox.record.counts()["open"]

    with_client(test, apart=["wigzo"])


def test_a_destination_on_the_shared_port_cannot_refuse_alone() -> None:
    async def test(client: Client) -> None:
        with pytest.raises(KeyError, match="wigzo"):
            await client.sandbox.refuse("wigzo")

    with_client(test)


def test_leaving_drops_whoever_hangs() -> None:
    async def test(outer: Client) -> None:
        async with Sandbox() as sandbox:
            sandbox.put_faults(Rule(do=Hang()))
            hanging = asyncio.create_task(outer.learn(sandbox.url))
            await until(lambda: sandbox.record.counts()["open"] == 1)
        with pytest.raises(aiohttp.ClientConnectionError):
            await hanging

    with_client(test)


def test_a_free_port_is_taken_where_none_is_named() -> None:
    async def run() -> bool:
        async with Sandbox() as one, Sandbox() as two:
            return one.url != two.url

    assert asyncio.run(run())


def test_the_answers_are_json() -> None:
    async def test(client: Client) -> None:
        got = await client.learn()
        assert "application/json" == got.headers["Content-Type"]
        assert {"status": "success"} == orjson.loads(got.body)
        assert ORG_TOKEN not in str(got.headers)

    with_client(test)
