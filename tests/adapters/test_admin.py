"""The admin endpoint, asked over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.parser import text_string_to_metric_families

from worker.adapters.admin import Admin


def a_registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    Gauge("asked", "Help.", registry=registry).set(3)
    return registry


def asked(
    path: str,
    unready: Callable[[], str | None] = lambda: None,
    method: str = "GET",
    stuck: Callable[[], str | None] = lambda: None,
) -> tuple[int, str]:
    """Status and body of one request to an endpoint that is opened for it."""

    async def ask() -> tuple[int, str]:
        admin = Admin("127.0.0.1", 0, a_registry(), unready, stuck)
        await admin.open()
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.request(method, f"http://127.0.0.1:{admin.port}{path}") as answer,
            ):
                return answer.status, await answer.text()
        finally:
            await admin.close()

    return asyncio.run(ask())


def test_metrics_are_served() -> None:
    status, text = asked("/metrics")
    families = list(text_string_to_metric_families(text))
    assert (200, ["asked"], [3.0]) == (status, [f.name for f in families], [families[0].samples[0].value])


def test_a_worker_that_goes_on_is_healthy() -> None:
    assert (200, "The worker goes on.\n") == asked("/healthz")


def test_a_worker_that_is_stuck_says_what_stands() -> None:
    assert (503, "shop has not gone on\n") == asked("/healthz", stuck=lambda: "shop has not gone on")


def test_a_worker_that_takes_events_is_ready() -> None:
    assert (200, "Every destination takes events.\n") == asked("/readyz")


def test_a_worker_that_takes_none_says_why() -> None:
    assert (503, "shop drains\n") == asked("/readyz", lambda: "shop drains")


@pytest.mark.parametrize("path", ["/", "/metrics/x", "/admin"])
def test_anything_else_is_answered_with_what_there_is(path: str) -> None:
    status, text = asked(path)
    expected = (
        "Nothing here. There are:\n/metrics  figures for Prometheus\n/healthz  does the worker go on\n"
        "/readyz  does it take events\n"
    )
    assert (404, expected) == (status, text)


def test_it_only_reads() -> None:
    assert 404 == asked("/metrics", method="POST")[0]


def test_an_address_that_is_taken_is_told_at_once() -> None:
    async def twice() -> None:
        first = Admin("127.0.0.1", 0, a_registry(), lambda: None)
        await first.open()
        try:
            with pytest.raises(OSError, match="address already in use"):
                await Admin("127.0.0.1", first.port, a_registry(), lambda: None).open()
        finally:
            await first.close()

    asyncio.run(twice())


def test_closing_what_was_never_open_is_no_fault() -> None:
    admin = Admin("127.0.0.1", 0, a_registry(), lambda: None)
    asyncio.run(admin.close())
    assert 0 == admin.port
