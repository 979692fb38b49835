"""A destination that refuses, answers nonsense or hangs: the events wait for it, nobody else does, and all arrive."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.whole.conftest import Place
from tests.whole.corrected import RIGHT, WRONG, Corrected
from tests.whole.events import EACH, USERS, a_crowd, a_track
from tests.whole.metrics import Metrics
from tests.whole.order import at_wigzo, faults_of, repeated
from tests.whole.vendors import Vendors, vendors
from tests.whole.worker import Tables, Worker, wigzo, wootric
from worker.sandbox.faults import Hang, Nonsense, Rule

pytestmark = pytest.mark.apache

KINDS = ("html", "not json", "large", "number", "odd headers")


@pytest.fixture
def wells() -> Iterator[dict[str, Vendors]]:
    """Vendors for each kind of nonsense."""
    with ExitStack() as stack:
        yield {kind: stack.enter_context(vendors()) for kind in KINDS}


def test_after_nonsense_of_any_kind_everything_is_delivered(
    place: Place, wells: dict[str, Vendors], tmp_path: Path
) -> None:
    tables: list[Tables] = []
    for kind, sandbox in wells.items():
        sandbox.put_faults(Rule(do=Nonsense(kind=kind)))  # type: ignore[arg-type]  # one of the literals
        name = kind.replace(" ", "-")
        tables += [wigzo(sandbox.url, f"wigzo-{name}"), wootric(sandbox.url, f"wootric-{name}")]
    events = a_crowd()
    place.topics.produce(place.topic, events)
    with Worker(tmp_path, place.kafka(), *tables) as worker:
        names = [table.split(".")[1] for some in tables for table in some if table.count(".") == 1]
        worker.until_metrics(lambda now: all(_has_met(now, name) for name in names), "everybody has met it")
        for sandbox in wells.values():
            sandbox.put_faults()
        metrics = worker.until_settled(len(events), *names)
        assert 0 == worker.stop()
    for name in names:
        assert {"delivered"} == {
            outcome for (outcome,) in metrics.by("events_settled_total", "outcome", destination=name)
        }
        assert (0, 0) == metrics.balance(name)
    for sandbox in wells.values():
        _hold_against_its_log(sandbox)
        users = sandbox.state()["wootric"]["end_users"]
        assert isinstance(users, list)
        assert {user: str(EACH - 1) for user in USERS} == {
            user["external_id"]: user["properties"]["number"] for user in users
        }


def _has_met(now: Metrics, name: str) -> bool:
    return now.value("requests_total", destination=name) >= 3


def _hold_against_its_log(sandbox: Vendors) -> None:
    arrived = at_wigzo(sandbox.arrivals("wigzo"))
    assert [] == [fault for user in USERS for fault in faults_of(arrived.get(user, []), EACH)]


def test_a_destination_that_hangs_delays_no_other(place: Place, sandbox: Vendors, tmp_path: Path) -> None:
    events = a_crowd()
    sandbox.put_faults(Rule(destination="wigzo", do=Hang()))
    place.topics.produce(place.topic, events)
    with Worker(tmp_path, place.kafka(), wigzo(sandbox.url), wootric(sandbox.url)) as worker:
        metrics = worker.until_settled(len(events), "wootric")
        assert 0 == metrics.settled("wigzo")
        # Also once it is known to hang: what comes now is at the other within seconds.
        worker.until_metrics(lambda now: now.state("wigzo") == "breaker")
        place.topics.produce(place.topic, [a_track(user, EACH, name=f"Numbered {EACH}") for user in USERS])
        metrics = worker.until_settled(len(events) + len(USERS), "wootric", seconds=10)
        assert (0, len(events) + len(USERS)) == (metrics.settled("wigzo"), metrics.pending("wigzo"))
        assert (0, 0) == metrics.balance("wigzo")

        sandbox.put_faults()
        metrics = worker.until_settled(len(events) + len(USERS), "wigzo")
        assert 0 == worker.stop()
    assert {"delivered"} == {outcome for (outcome,) in metrics.by("events_settled_total", "outcome")}
    arrived = at_wigzo(sandbox.arrivals("wigzo"))
    assert [] == [fault for user in USERS for fault in faults_of(arrived[user], EACH + 1)]
    counted = metrics.value("events_possibly_repeated_total", destination="wigzo", cause="unknown outcome")
    assert repeated(arrived).total() <= counted


def test_a_secret_that_is_corrected_while_the_worker_runs_needs_no_restart(corrected: Corrected) -> None:
    events = len(a_crowd())
    assert (0, events, (0, 0)) == (
        corrected.held.settled("wigzo"),
        corrected.held.pending("wigzo"),
        corrected.held.balance("wigzo"),
    )
    metrics = corrected.worker.until_settled(events, "wigzo", seconds=90)
    assert 0 == corrected.worker.stop()
    assert {("delivered",): events} == metrics.by("events_settled_total", "outcome")
    _hold_against_its_log(corrected.sandbox)
    assert {} == repeated(at_wigzo(corrected.sandbox.arrivals("wigzo")))
    log = corrected.worker.text()
    assert "set-up" in log
    assert (WRONG in log, RIGHT in log) == (False, False)
