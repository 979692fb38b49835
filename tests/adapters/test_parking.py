"""Giving up by a person's decision, asked over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import aiohttp
import pytest
from aiohttp.test_utils import make_mocked_request
from prometheus_client import CollectorRegistry

from worker.adapters.admin import Admin
from worker.adapters.parking import Parking, is_loopback


def asked(path: str, method: str = "POST", headers: Mapping[str, str] | None = None) -> tuple[int, str, list[str]]:
    """Status and body of one request, and what was parked."""
    parked: list[str] = []

    def park() -> int:
        parked.append("shop")
        return 3

    async def ask() -> tuple[int, str]:
        admin = Admin("127.0.0.1", 0, CollectorRegistry(), lambda: None, park={"shop": park})
        await admin.open()
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.request(method, f"http://127.0.0.1:{admin.port}{path}", headers=headers) as answer,
            ):
                return answer.status, await answer.text()
        finally:
            await admin.close()

    return (*asyncio.run(ask()), parked)


def test_what_fails_is_given_up_and_counted() -> None:
    assert (200, "3\n", ["shop"]) == asked("/park?destination=shop")


@pytest.mark.parametrize("query", ["", "?destination=", "?destination=other"])
def test_a_destination_that_does_not_exist_is_told_with_those_that_do(query: str) -> None:
    assert (404, "?destination=NAME is one of shop.\n", []) == asked(f"/park{query}")


def test_looking_gives_nothing_up() -> None:
    status, _, parked = asked("/park?destination=shop", method="GET")
    assert (404, []) == (status, parked)


def test_a_page_in_a_browser_on_the_machine_cannot_ask() -> None:
    expected: tuple[int, str, list[str]] = (403, "Only from the worker's own machine.\n", [])
    assert expected == asked("/park?destination=shop", headers={"Origin": "https://shop.example"})


def test_another_machine_cannot_ask() -> None:
    parking = Parking({"shop": lambda: 3})
    request = make_mocked_request("POST", "/park?destination=shop")
    answers = [asyncio.run(parking.answer(request.clone(remote=peer))) for peer in ("192.0.2.1", "127.0.0.1")]
    assert [403, 200] == [answer.status for answer in answers]


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"])
def test_this_machine_may_ask(peer: str) -> None:
    assert is_loopback(peer)


@pytest.mark.parametrize("peer", [None, "", "localhost", "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "0.0.0.0"])  # noqa: S104  (a peer's address)
def test_no_other_machine_may_ask(peer: str | None) -> None:
    assert not is_loopback(peer)
