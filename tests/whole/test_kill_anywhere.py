"""A process that is killed between poll and commit, wherever that is: nothing is lost, and what follows is in order."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.whole.commits import settled_by_commits
from tests.whole.conftest import Place
from tests.whole.events import Record, a_crowd
from tests.whole.metrics import Metrics
from tests.whole.order import Numbers, at_wigzo, faults_of
from tests.whole.topics import PARTITIONS
from tests.whole.vendors import Vendors
from tests.whole.worker import Tables, Worker, wigzo
from worker.sandbox.faults import Hang, Rule, Status
from worker.sandbox.record import Arrival

pytestmark = pytest.mark.apache

SERVED = [f"u{number}@mail.example" for number in range(20)]
REFUSED = [f"r{number}@mail.example" for number in range(4)]
EACH = 25
CONCURRENCY = 8
KILLED = -9
Event = tuple[str, int]

NO = Rule(users=frozenset(REFUSED), do=Status(422), delay=0.02)
SLOW = Rule(delay=0.02)


class Scene:
    """One topic, the vendor, and the workers that come one after another."""

    def __init__(self, place: Place, sandbox: Vendors, folder: Path) -> None:
        self.sandbox = sandbox
        self._place = place
        self._folder = folder
        records = a_crowd([*SERVED, *REFUSED], EACH)[len(SERVED) + len(REFUSED) :]
        self._events = dict(zip(place.topics.produce(place.topic, records), map(_event_of, records), strict=True))
        sandbox.put_faults(NO, SLOW)

    def rigged(self, point: str, passages: int) -> Worker:
        return self._worker("first", module="tests.whole.rigged", arguments=(point, str(passages), "die"))

    def ordinary(self, name: str = "first") -> Worker:
        """It takes the dead one's place at once where it bears its name."""
        return self._worker(name)

    def _worker(self, name: str, **options: Any) -> Worker:
        # Small, so that there is a poll, and a commit, at every moment.
        table = wigzo(self.sandbox.url, concurrency=CONCURRENCY, buffer_events=150, request_timeout=1)
        return Worker(self._folder, self._kafka(name), table, name=name, **options)

    def _kafka(self, name: str) -> Tables:
        return self._place.kafka(session_timeout=3, instance_id=name)

    def settled(self) -> set[Event]:
        """What the group's commits say now."""
        places = settled_by_commits(self._place.topics.bootstrap, f"{self._place.group}.wigzo", self._events)
        return {self._events[place] for place in places}

    def arrived(self, since: int = 0) -> list[Arrival]:
        return [arrival for arrival in self.sandbox.arrivals("wigzo", since=since) if arrival.accepted]

    def under_way(self) -> int:
        return sum(arrival.open for arrival in self.sandbox.arrivals("wigzo"))

    def is_done(self, metrics: Metrics) -> bool:
        """One worker has all partitions, and has settled all that they hold."""
        topic = self._place.topic
        lags = [value for name, had, value in metrics.samples if name == "consumer_lag" and had["topic"] == topic]
        return len(lags) == PARTITIONS and not any(lags) and not metrics.pending("wigzo")

    def letters(self) -> Counter[Event]:
        """How often each event is a dead letter."""
        return Counter(map(_event_of, self._letters()))

    def numbers_of_letters(self) -> Numbers:
        """The numbers of each user's dead letters, in order."""
        found: Numbers = defaultdict(list)
        for user, number in map(_event_of, self._letters()):
            found[user].append(number)
        return dict(found)

    def _letters(self) -> list[Record]:
        found = self._place.topics.read(f"{self._place.group}.wigzo.dead-letters")
        return [(letter.key, letter.value) for letter in found]


@pytest.fixture
def scene(place: Place, sandbox: Vendors, tmp_path: Path) -> Scene:
    return Scene(place, sandbox, tmp_path)


@pytest.mark.parametrize(
    ("point", "passages"),
    [
        ("assigned", 1),
        ("polled", 2),
        ("before a request", 200),
        ("after an answer", 200),
        ("before a dead letter", 30),
        ("after a dead letter", 30),
        ("before a commit", 2),
        ("after a commit", 2),
    ],
)
def test_a_worker_that_is_killed_between_poll_and_commit_loses_nothing(scene: Scene, point: str, passages: int) -> None:
    with scene.rigged(point, passages) as killed:
        assert KILLED == killed.ended()
        assert [point] == [line["point"] for line in killed.said("trapped")]
        left = _left(scene, killed)
    with scene.ordinary() as successor:
        _nothing_is_lost(scene, left, successor)


def test_a_worker_that_is_killed_while_the_vendor_answers_loses_nothing(scene: Scene) -> None:
    with scene.rigged("never", 1) as killed:
        killed.until(lambda: len(scene.arrived()) > 200, "some that were served")
        scene.sandbox.put_faults(Rule(do=Hang()))
        killed.until(lambda: scene.under_way() == CONCURRENCY, "requests under way")
        killed.kill()
        scene.sandbox.release()
        scene.sandbox.put_faults(NO, SLOW)
        left = _left(scene, killed)
    with scene.ordinary() as successor:
        _nothing_is_lost(scene, left, successor)


@pytest.mark.parametrize("point", ["revoked", "drained"])
def test_a_worker_that_is_killed_while_it_gives_partitions_away_loses_nothing(scene: Scene, point: str) -> None:
    with scene.rigged(point, 1) as killed:
        killed.until(lambda: len(scene.arrived()) > 100, "some that were served")
        scene.sandbox.put_faults(NO, Rule(delay=0.4))  # so that there is something to do until the second is there
        with scene.ordinary("second") as second:
            assert KILLED == killed.ended()
            assert len(scene.arrived()) < len(SERVED) * EACH, "it was killed when all was done"
            scene.sandbox.put_faults(NO, SLOW)
            _nothing_is_lost(scene, _left(scene, killed), second)


@pytest.mark.parametrize("point", ["commit of a stop", "before leaving"])
def test_a_worker_that_is_killed_while_it_stops_loses_nothing(scene: Scene, point: str) -> None:
    with scene.rigged(point, 1) as killed:
        killed.until(lambda: len(scene.arrived()) > 200, "some that were served")
        killed.terminate()
        assert KILLED == killed.ended()
        left = _left(scene, killed)
    with scene.ordinary() as successor:
        _nothing_is_lost(scene, left, successor)


@dataclass(frozen=True, slots=True)
class Left:
    """What a dead worker has left: what commits say, what arrived, how often each event is a dead letter."""

    settled: set[Event]
    arrived: list[Arrival]
    letters: Counter[Event]


def _left(scene: Scene, killed: Worker) -> Left:
    """``killed`` is gone. Its last commit said of everything that came before it what it knew."""
    left = Left(scene.settled(), scene.arrived(), scene.letters())
    in_time = _events_of([arrival for arrival in left.arrived if arrival.time < _begun_last(killed)])
    assert len(in_time - left.settled) <= CONCURRENCY, "more than was in flight is missing from the last commit"
    return left


def _nothing_is_lost(scene: Scene, left: Left, successor: Worker) -> None:
    """It does the rest, and only that."""
    metrics = successor.until_metrics(scene.is_done, "everything settled")
    assert 0 == successor.stop()
    again = scene.arrived(since=left.arrived[-1].number if left.arrived else 0)
    assert set() == _events_of(again) & left.settled
    letters = scene.letters()
    assert {event: left.letters[event] for event in left.settled} == {event: letters[event] for event in left.settled}
    assert (0, 0) == metrics.balance("wigzo")
    assert [] == _faults(at_wigzo(scene.arrived()), SERVED) + _faults(scene.numbers_of_letters(), REFUSED)


def _faults(numbers: Numbers, users: list[str]) -> list[str]:
    return [f"{user}: {fault}" for user in users for fault in faults_of(numbers.get(user, []), EACH)]


def _event_of(record: Record) -> Event:
    message = orjson.loads(record[1] or b"")
    return message["userId"], message["properties"]["number"]


def _events_of(arrivals: list[Arrival]) -> set[Event]:
    return {(arrival.user, arrival.body["eventval"]["number"]) for arrival in arrivals}


def _begun_last(worker: Worker) -> float:
    """When the last commit that succeeded had begun, Unix seconds; 0 where there was none."""
    begun = good = 0.0
    for line in worker.lines():
        match line["message"]:
            case "commit begins":
                begun = line["at"]
            case "commit succeeded":
                good = begun
    return good
