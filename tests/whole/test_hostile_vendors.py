"""Destinations that mean it ill: memory is bounded, nothing is given up, nobody else notices."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.process import Watch
from tests.adapters.vendors import an_answer, answering
from tests.whole.conftest import Place
from tests.whole.events import a_crowd
from tests.whole.hostile import DONE, FAILING, Hostile, hostile
from tests.whole.metrics import Metrics
from tests.whole.vendors import Vendors
from tests.whole.worker import Tables, Worker, wigzo

pytestmark = pytest.mark.apache

SLOW = {"silence", "trickling-head", "trickling-body"}
MIB = 1 << 20
# Fifteen lanes with 30 users each, all of whom meet it at once. 134 MiB were measured, 75 of them the worker itself.
MOST = 220 * MIB


def test_what_hostile_ends_do_stays_theirs(place: Place, sandbox: Vendors, tmp_path: Path) -> None:
    events = a_crowd(each=1)
    place.topics.produce(place.topic, events)
    with (
        hostile({name: behave for name, (_, behave) in FAILING.items()}) as failing,
        hostile(DONE) as done,
        Worker(
            tmp_path, place.kafka(session_timeout=30), *_tables(failing), *_tables(done), wigzo(sandbox.url)
        ) as worker,
        Watch(worker.process.pid) as watch,
    ):
        worker.until_settled(len(events), "wigzo")
        met = worker.until_metrics(
            lambda now: all(now.value("requests_total", destination=one) >= 20 for one in FAILING)
        )
        failing.turn_well()
        for name, (status, _) in FAILING.items():
            # On a busy machine anything may take too long, too.
            assert {status} <= _statuses(met, name) <= {status, "timeout"}
            assert (0, (0, 0)) == (met.settled(name), met.balance(name))
        last = worker.until_settled(len(events), "wigzo", *FAILING, *DONE, seconds=120)
        assert 0 == worker.stop()
    assert {("delivered",): len(events) * (len(FAILING) + len(DONE) + 1)} == last.by("events_settled_total", "outcome")
    assert {(0, 0)} == {last.balance(name) for name in (*FAILING, *DONE)}
    assert watch.peak < MOST


def _tables(ends: Hostile) -> list[Tables]:
    slow = {name: 2 if name in SLOW else 10 for name in ends.vendors}
    return [wigzo(ends.url(name), name, concurrency=64, request_timeout=slow[name]) for name in ends.vendors]


def _statuses(metrics: Metrics, destination: str) -> set[str]:
    return {status for (status,) in metrics.by("requests_total", "status", destination=destination)}


def test_nothing_follows_a_redirect_to_another_host(place: Place, sandbox: Vendors, tmp_path: Path) -> None:
    """Neither a request nor a secret: it is a wrong set-up, and the events wait for it."""
    events = a_crowd(each=1)
    place.topics.produce(place.topic, events)
    with hostile({"thief": answering(an_answer())}) as thief:
        astray = answering(an_answer(b"", f"Location: {thief.url('thief')}/steal", status="307 Temporary Redirect"))
        with (
            hostile({"astray": astray}) as ends,
            Worker(tmp_path, place.kafka(), wigzo(ends.url("astray"), "astray"), wigzo(sandbox.url)) as worker,
        ):
            worker.until_settled(len(events), "wigzo")
            held = worker.until_metrics(lambda now: now.state("astray") == "set-up")
            assert (0, len(events), (0, 0)) == (
                held.settled("astray"),
                held.pending("astray"),
                held.balance("astray"),
            )
            assert 0 == worker.stop()
        assert 0 == thief.vendors["thief"].connections
        assert "sandbox-org-token" not in worker.text()
