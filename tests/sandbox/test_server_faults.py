"""Everything that can be done wrong on purpose, as a client sees it, and what it left behind."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from tests.sandbox.http import Client, Got, until, with_client
from worker.sandbox import server
from worker.sandbox.faults import PAGE, Hang, Nonsense, Reset, Rule, Status
from worker.sandbox.record import Arrival


async def seen(client: Client, rule: Rule) -> tuple[Got | BaseException, Arrival, int]:
    """What a client gets, what the record says, and how many events Wigzo has afterwards."""
    client.sandbox.reset()
    client.sandbox.put_faults(rule)
    got: Got | BaseException
    try:
        got = await client.learn()
    except aiohttp.ClientError as error:
        got = error
    (arrival,) = client.sandbox.arrivals()
    users = client.sandbox.wigzo.users.values()
    return got, arrival, sum(len(user.events) for user in users)


@pytest.mark.parametrize(
    "do",
    [
        Status(503),
        Status(503, {"Retry-After": "3"}),
        Status(429, {"Retry-After": "1"}, '{"error": "slow down"}'),
        Status(403, body="<html>Forbidden</html>"),
        Status(401),
        Status(400, body='{"status": "error"}'),
        Status(302, {"Location": "https://elsewhere.example/"}),
        Status(200, {"Content-Type": "application/json"}, "<html>"),
    ],
)
def test_a_status_is_answered_with_its_headers_and_body_and_nothing_is_done(do: Status) -> None:
    async def test(client: Client) -> None:
        got, arrival, events = await seen(client, Rule(do=do))
        assert isinstance(got, Got)
        assert (do.status, do.body) == (got.status, got.body.decode())
        assert dict(do.headers).items() <= dict(got.headers).items()
        assert (do.status, False, "status", 0) == (arrival.status, arrival.accepted, arrival.fault, events)

    with_client(test)


@pytest.mark.parametrize(("do", "done"), [(Reset("before"), False), (Reset("lost"), True)])
def test_a_reset_gives_no_answer_and_may_have_done_it(do: Reset, done: bool) -> None:
    async def test(client: Client) -> None:
        got, arrival, events = await seen(client, Rule(do=do))
        assert isinstance(got, aiohttp.ClientOSError | aiohttp.ServerDisconnectedError)
        await until(lambda: not arrival.open)
        assert (None, done, "reset", int(done)) == (arrival.status, arrival.accepted, arrival.fault, events)

    with_client(test)


def test_a_reset_within_the_answer_gives_half_of_it() -> None:
    async def test(client: Client) -> None:
        got, arrival, events = await seen(client, Rule(do=Reset("within")))
        assert isinstance(got, aiohttp.ClientPayloadError)
        assert (None, True, "reset", 1) == (arrival.status, arrival.accepted, arrival.fault, events)

    with_client(test)


@pytest.mark.parametrize(
    ("do", "done", "content_type", "beginning", "length"),
    [
        (Nonsense("html"), False, "text/html; charset=utf-8", PAGE, len(PAGE)),
        (Nonsense("not json"), True, "application/json", b'{"status": "succ', 16),
        (Nonsense("large"), True, "application/json", b'{"status": "success", ', 300_036),
        (Nonsense("number"), True, "application/json", b"7", 1),
    ],
)
def test_nonsense_comes_with_200(do: Nonsense, done: bool, content_type: str, beginning: bytes, length: int) -> None:
    async def test(client: Client) -> None:
        got, arrival, events = await seen(client, Rule(do=do))
        assert isinstance(got, Got)
        assert (200, content_type, True, length) == (
            got.status,
            got.headers["Content-Type"],
            got.body.startswith(beginning),
            len(got.body),
        )
        assert (200, done, "nonsense", int(done)) == (arrival.status, arrival.accepted, arrival.fault, events)

    with_client(test)


def test_odd_headers_come_with_the_true_answer() -> None:
    async def test(client: Client) -> None:
        got, arrival, events = await seen(client, Rule(do=Nonsense("odd headers")))
        assert isinstance(got, Got)
        assert ({"status": "success"}, "the day before yesterday", "soon", "later") == (
            got.json,
            got.headers["Date"],
            got.headers["Retry-After"],
            got.headers["X-Rate-Limit-Reset"],
        )
        assert (200, True, 1) == (arrival.status, arrival.accepted, events)

    with_client(test)


def test_a_delay_comes_before_anything_is_done() -> None:
    async def test(client: Client) -> None:
        sandbox = client.sandbox
        sandbox.put_faults(Rule(delay=0.02), Rule(do=Status(500)))
        loop = asyncio.get_running_loop()
        begun = loop.time()
        task = asyncio.create_task(client.learn())
        await until(lambda: sandbox.record.counts()["open"] == 1)
        assert {} == sandbox.wigzo.users
        assert 200 == (await task).status
        assert loop.time() - begun >= 0.02
        assert [("delay", True)] == [(arrival.fault, arrival.accepted) for arrival in sandbox.arrivals()]

    with_client(test)


def test_a_delay_goes_before_another_fault() -> None:
    async def test(client: Client) -> None:
        got, arrival, _ = await seen(client, Rule(delay=0.001, do=Status(503)))
        assert isinstance(got, Got)
        assert (503, "status") == (got.status, arrival.fault)

    with_client(test)


def test_a_hanging_call_goes_on_when_it_is_released() -> None:
    async def test(client: Client) -> None:
        sandbox = client.sandbox
        sandbox.put_faults(Rule(do=Hang()))
        first = asyncio.create_task(client.learn())
        await until(lambda: sandbox.record.counts()["open"] == 1)
        assert {} == sandbox.wigzo.users
        sandbox.release()
        assert 200 == (await first).status
        second = asyncio.create_task(client.learn())
        await until(lambda: sandbox.record.counts()["open"] == 1)
        sandbox.release()
        assert 200 == (await second).status

    with_client(test)


def test_a_hanging_call_goes_on_by_itself_in_the_end() -> None:
    assert server.HANG_SECONDS == 120

    async def test(client: Client) -> None:
        got, arrival, events = await seen(client, Rule(do=Hang()))
        assert isinstance(got, Got)
        assert (200, "hang", 1) == (got.status, arrival.fault, events)

    with_client(test, hang_seconds=0.01)


def test_chosen_users_fail_while_the_others_do_not() -> None:
    async def test(client: Client) -> None:
        client.sandbox.put_faults(Rule(users=frozenset({"sick"}), times=2, do=Status(503)))
        users = ["sick", "well", "sick", "sick"]
        assert [503, 200, 503, 200] == [(await client.learn(userId=user)).status for user in users]

    with_client(test)


def test_wootrics_users_are_chosen_by_any_of_their_names() -> None:
    async def test(client: Client) -> None:
        login = await client.log_in()
        form = {"email": "a@example.com", "external_id": "u1"}
        created = await client.ask("POST", "/v1/end_users", headers=login, data=form)
        rule = Rule(
            destination="wootric", operation="end-users/update", users=frozenset({"a@example.com"}), do=Status(503)
        )
        client.sandbox.put_faults(rule)
        path = f"/v1/end_users/{created.json['id']}"
        update = await client.ask("PUT", path, headers=login, data={"properties[a]": "b"})
        look_up = await client.ask("GET", path, headers=login)
        assert (503, 200) == (update.status, look_up.status)

    with_client(test)


def test_a_rule_has_its_time_by_the_sandboxs_clock() -> None:
    now = [1000.0]

    async def test(client: Client) -> None:
        client.sandbox.put_faults(Rule(after=10, until=20, do=Status(503)))
        statuses = []
        for moment in (1009.0, 1010.0, 1020.0):
            now[0] = moment
            statuses.append((await client.learn()).status)
        assert [200, 503, 200] == statuses

    with_client(test, clock=lambda: now[0])


def test_resets_leave_other_connections_alone() -> None:
    async def test(client: Client) -> None:
        client.sandbox.put_faults(Rule(users=frozenset({"sick"}), do=Reset()))
        users = ["sick", "well"] * 20
        results = await asyncio.gather(*(client.learn(userId=user) for user in users), return_exceptions=True)
        assert [user == "well" for user in users] == [isinstance(got, Got) and got.status == 200 for got in results]

    with_client(test)
