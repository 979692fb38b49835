"""``segment-relay dead-letters park``: asked first, and only at the worker that is meant."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
from prometheus_client import CollectorRegistry, Gauge

from worker import config
from worker.adapters.admin import Admin
from worker.commands.park import park
from worker.config import Settings, SetupError
from worker.settings.quantities import Address

SETTINGS = """
[kafka]
bootstrap_servers = ["kafka.example:9092"]
topics = ["events"]
[worker]
admin_address = "127.0.0.1:0"
[destinations.shop]
mapping = "wigzo"
settings.org_token = "org secret"
"""
OTHER = """
[destinations.other]
mapping = "wigzo"
settings.org_token = "org secret"
"""


class Asked:
    """A worker of which so many users fail, as its admin endpoint shows it; and what it was told."""

    def __init__(self, failing: int) -> None:
        self.parked = 0
        self.address = Address("127.0.0.1", 0)
        self.registry = CollectorRegistry()
        gauge = Gauge("segment_relay_keys_failing", "Help.", ("destination",), registry=self.registry)
        gauge.labels("shop").set(failing)

    def park(self) -> int:
        self.parked += 1
        return 7


@contextmanager
def a_worker(failing: int = 3) -> Iterator[Asked]:
    asked = Asked(failing)
    loop = asyncio.new_event_loop()
    admin = Admin("127.0.0.1", 0, asked.registry, lambda: None, park={"shop": asked.park})
    loop.run_until_complete(admin.open())
    asked.address = Address("127.0.0.1", admin.port)
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        yield asked
    finally:
        asyncio.run_coroutine_threadsafe(admin.close(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def settings(tmp_path: Path, extra: str = "") -> Settings:
    file = tmp_path / "relay.toml"
    file.write_text(SETTINGS + extra)
    return config.load(file, {})


def parked(given: Settings, asked: Asked, *, yes: bool, only: str | None = None) -> tuple[list[str], list[str]]:
    """What was asked, and what was told."""
    questions: list[str] = []
    told: list[str] = []

    def sure(question: str) -> bool:
        questions.append(question)
        return yes

    assert 0 == park(given, only, asked.address, sure, told.append)
    return questions, told


def test_it_asks_with_the_count_and_then_says_how_many_were_given_up(tmp_path: Path) -> None:
    with a_worker() as asked:
        questions, told = parked(settings(tmp_path), asked, yes=True)
    first = "shop: the failing events of 3 users become dead letters."
    assert [f"{first} Each of their next events then has one attempt, until one is delivered. Go on?"] == questions
    assert ["shop: 7 events given up, with the reason parked; `list` shows them"] == told
    assert 1 == asked.parked


def test_who_is_not_sure_gives_nothing_up(tmp_path: Path) -> None:
    with a_worker() as asked:
        assert ["nothing was given up"] == parked(settings(tmp_path), asked, yes=False)[1]
    assert 0 == asked.parked


def test_where_nobody_fails_nothing_is_asked(tmp_path: Path) -> None:
    with a_worker(failing=0) as asked:
        expected = ["shop: nobody fails at this worker, so there is nothing to give up"]
        assert ([], expected) == parked(settings(tmp_path), asked, yes=True)
    assert 0 == asked.parked


def problem(given: Settings, only: str | None = None, admin: Address | None = None) -> str:
    with pytest.raises(SetupError) as told:
        park(given, only, admin, lambda _: True, print)
    (line,) = told.value.problems
    return line


def test_of_several_destinations_one_is_named(tmp_path: Path) -> None:
    assert "--destination: found nothing, expected one of other, shop" == problem(settings(tmp_path, OTHER))
    assert '--destination: found "x", expected one of shop' == problem(settings(tmp_path), "x")


def test_a_worker_of_other_destinations_is_not_the_one_that_is_meant(tmp_path: Path) -> None:
    with a_worker() as asked:
        found = problem(settings(tmp_path, OTHER), "other", asked.address)
    assert f"the worker at {asked.address} has no destination other: is it the one of these settings?" == found


def test_where_no_worker_listens_that_is_told(tmp_path: Path) -> None:
    expected = "no worker answers at 127.0.0.1:1 (ConnectionRefusedError); run this where it runs"
    assert expected == problem(settings(tmp_path), admin=Address("127.0.0.1", 1))


def test_a_port_that_was_chosen_at_start_must_be_named(tmp_path: Path) -> None:
    assert problem(settings(tmp_path)).startswith("worker.admin_address: its port is 0")
