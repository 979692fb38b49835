"""``segment-relay run --dry-run`` on real topics: everything is read and counted, and nothing leaves the process."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.core.test_decode_corpus import EXPECTED
from tests.whole.conftest import Place
from tests.whole.events import USERS, a_crowd, a_track, malformed
from tests.whole.vendors import Vendors
from tests.whole.worker import Tables, Worker, wigzo, wootric
from worker.adapters import cluster
from worker.adapters.cluster import group_commits
from worker.adapters.connection import Connection

KINDS = ("dead-letters", "replay")
ONCE = ("--dry-run", "--until-caught-up")
EVENTS = len(a_crowd())
NUMBERED = EVENTS - len(USERS)
NOT_JSON = [(b"odd", raw) for tag, raw in malformed() if [*EXPECTED[tag]] == ["not-json"]]


def _dry(folder: Path, *tables: Tables, arguments: tuple[str, ...] = ONCE) -> Worker:
    return Worker(folder, *tables, arguments=arguments)


def _summary(worker: Worker, destination: str) -> list[str]:
    """What the last run said of one destination, after its first line."""
    said = worker.text().rpartition("Dry run: nothing was sent")[2]
    part = next(part for part in said.split("\n\n") if part.startswith(f"{destination}: "))
    return [" ".join(line.split()) for line in part.splitlines()]


@pytest.mark.parametrize("place", ["embedded", pytest.param("apache", marks=pytest.mark.apache)], indirect=True)
def test_a_dry_run_counts_what_would_be_sent_and_sends_nothing(place: Place, sandbox: Vendors, tmp_path: Path) -> None:
    place.topics.produce(place.topic, [*a_crowd(), *NOT_JSON])
    tables = (wigzo(sandbox.url), wootric(sandbox.url, enabled=False))
    with _dry(tmp_path, place.kafka(), *tables) as worker:
        assert 0 == worker.ended()
    wigzo_said, wootric_said = _summary(worker, "wigzo"), _summary(worker, "wootric")
    assert [
        f"wigzo: {EVENTS + len(NOT_JSON)} events",
        f"{EVENTS} would be delivered",
        f"{len(NOT_JSON)} would be dead letters, not-json: The record's value is not JSON.",
        f"in {EVENTS} requests, none of which was sent",
        f"{NUMBERED} learn/event",
        f"{len(USERS)} learn/identify",
    ] == wigzo_said[:-1]
    # Of each user's first event Wootric is asked whether it knows them, and no more after it was told of them.
    lookups = {line for line in wootric_said if "end-users/look-up" in line or "end-users/create" in line}
    assert {f"{len(USERS)} end-users/look-up", f"{len(USERS)} end-users/create"} == lookups
    assert f"{NUMBERED} eligible" in wootric_said
    assert [] == [*sandbox.arrivals("wigzo"), *sandbox.arrivals("wootric")]
    connection = Connection(tuple(place.topics.bootstrap))
    ours = [f"{group}.{name}.{kind}" for group in _groups(place) for name in ("wigzo", "wootric") for kind in KINDS]
    assert {} == cluster.topics(connection, ours)
    assert {} == group_commits(connection, f"{place.group}.wigzo")


def _groups(place: Place) -> list[str]:
    return [place.group, f"{place.group}.dry-run"]


@pytest.mark.apache
def test_a_second_dry_run_goes_on_after_the_first_unless_it_is_to_begin_anew(
    place: Place, sandbox: Vendors, tmp_path: Path
) -> None:
    place.topics.produce(place.topic, a_crowd())
    tables = (place.kafka(), wigzo(sandbox.url))
    with _dry(tmp_path, *tables) as worker:
        assert 0 == worker.ended()
        place.topics.produce(place.topic, [a_track("one-more", 0)])
        assert 0 == worker.start().ended()
    assert "wigzo: 1 event" == _summary(worker, "wigzo")[0]
    with _dry(tmp_path, *tables, arguments=(*ONCE, "--anew")) as again:
        assert 0 == again.ended()
    assert f"wigzo: {EVENTS + 1} events" == _summary(again, "wigzo")[0]


@pytest.mark.apache
def test_a_dry_run_goes_on_until_it_is_stopped_and_says_on_the_way_that_nothing_is_sent(
    place: Place, sandbox: Vendors, tmp_path: Path
) -> None:
    place.topics.produce(place.topic, a_crowd())
    with _dry(tmp_path, place.kafka(), wigzo(sandbox.url), arguments=("--dry-run",)) as worker:
        metrics = worker.until_settled(EVENTS, "wigzo")
        place.topics.produce(place.topic, [a_track("one-more", 0)])
        worker.until_settled(EVENTS + 1, "wigzo")
        (warned,) = worker.said("dry run: nothing is sent, and no dead letter is written")
        with _dry(tmp_path, place.kafka(), wigzo(sandbox.url), arguments=(*ONCE, "--anew")) as other:
            assert 2 == other.ended()
        assert 0 == worker.stop()
    assert (0, 0) == metrics.balance("wigzo")
    assert str([f"{place.group}.dry-run.wigzo"]) == warned["groups"]
    assert all(line["dry_run"] for line in worker.lines())
    assert f"wigzo: {EVENTS + 1} events" == _summary(worker, "wigzo")[0]
    assert "--anew: Kafka would not forget the group" in other.text()
    assert [] == sandbox.arrivals("wigzo")
