"""Days of a shop, and envelopes, through the whole worker: nothing is lost, nothing comes twice, each user in order.

What has to be left at the vendors is what the same events leave one by one, in memory: without Kafka, concurrency,
merges or HTTP. (That each of them means the right thing is shown by ``test_record``.)
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.whole.conftest import Place
from tests.whole.events import Record, by_user, envelopes, stream
from tests.whole.metrics import Metrics
from tests.whole.vendors import Vendors, vendors
from tests.whole.worker import Worker, wigzo, wootric
from worker import config
from worker.demo.one_by_one import Expected, expected
from worker.demo.sample import Sample

ON_EMBEDDED = 1000  # events: one slow broker's share of the time


def _enveloped() -> list[Record]:
    return [(None, envelope) for envelope in envelopes()]


@pytest.mark.parametrize(
    ("place", "records"),
    [
        pytest.param("embedded", list(by_user(stream()[:ON_EMBEDDED])), id="embedded-stream"),
        pytest.param("apache", list(by_user(stream())), id="apache-stream", marks=pytest.mark.apache),
        pytest.param("embedded", _enveloped(), id="embedded-envelopes"),
        pytest.param("apache", _enveloped(), id="apache-envelopes", marks=pytest.mark.apache),
    ],
    indirect=["place"],
)
def test_a_stream_leaves_what_its_events_leave_one_by_one(
    place: Place, records: list[Record], sandbox: Vendors, tmp_path: Path
) -> None:
    # Envelopes hold events of several users: one partition keeps the order between them.
    place.topics.produce(place.topic, records, partition=None if records[0][0] else 0)
    with vendors() as token_alone:
        alone = wootric(token_alone.url, "alone", credentials=False, concurrency=32)
        with Worker(
            tmp_path, place.kafka(), wigzo(sandbox.url, concurrency=32), wootric(sandbox.url, concurrency=32), alone
        ) as worker:
            should = _one_by_one(worker, records)
            metrics = worker.until_settled(should.events["wigzo"].total(), *should.events)
            assert 0 == worker.stop()
        checks = [arrival.body for arrival in token_alone.arrivals("wootric")]
    for name, ends in should.events.items():
        assert (0, 0) == metrics.balance(name)
        assert ends == _ends(metrics, name)
    state = sandbox.state()
    assert should.state["wigzo"] == state["wigzo"]
    assert _by_name(should.state["wootric"]) == _by_name(state["wootric"])
    assert should.events["alone"]["delivered", ""] == len(checks)
    both = [*sandbox.arrivals("wigzo"), *sandbox.arrivals("wootric")]
    assert [] == [arrival for arrival in both if arrival.overlap or not (arrival.accepted or arrival.status == 404)]


def _one_by_one(worker: Worker, records: list[Record]) -> Expected:
    settings = config.load(worker.config, {})
    read = [Sample(key, value or b"", offset=number) for number, (key, value) in enumerate(records)]
    return expected(read, settings.destinations.values(), time.time())


def _ends(metrics: Metrics, name: str) -> Counter[tuple[str, str]]:
    """Without what is noted of a delivered event: two neighbours that change the same are one change."""
    found: Counter[tuple[str, str]] = Counter()
    for (outcome, reason), events in metrics.by("events_settled_total", "outcome", "reason", destination=name).items():
        found[outcome, "" if outcome == "delivered" else reason] += events
    return found


def _by_name(state: Mapping[str, Any]) -> dict[str, Any]:
    """A vendor numbers people and answers as they come; who comes first of two people is nobody's promise."""
    names = {user["id"]: user["external_id"] or user["email"] or user["phone_number"] for user in state["end_users"]}
    return {
        "end_users": {names[user["id"]]: {**user, "id": None} for user in state["end_users"]},
        **{part: _of_each(state[part], names) for part in ("responses", "declines")},
    }


def _of_each(entries: Iterable[Mapping[str, Any]], names: Mapping[int, str]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for entry in entries:
        said = {name: value for name, value in entry.items() if name not in ("id", "end_user_id")}
        found.setdefault(names[entry["end_user_id"]], []).append(said)
    return found
