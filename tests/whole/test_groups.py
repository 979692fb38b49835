"""Several workers of one group on Apache Kafka, under load: who stops, who is killed, and what that repeats."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import orjson
import pytest

from tests.whole.commits import settled_by_commits
from tests.whole.conftest import Place
from tests.whole.events import Record, a_crowd
from tests.whole.metrics import Metrics
from tests.whole.order import at_wigzo, at_wootric, faults_of, repeated
from tests.whole.topics import PARTITIONS
from tests.whole.vendors import Vendors
from tests.whole.worker import Tables, Worker, wigzo, wootric
from worker.sandbox.faults import Rule, Status
from worker.sandbox.record import Arrival

# ``corrected`` needs a minute: it runs beside these.
pytestmark = [pytest.mark.apache, pytest.mark.usefixtures("corrected")]

USERS = [f"u{number}@mail.example" for number in range(60)]
EACH = 30
SICK = frozenset(USERS[:6])
# So that there are requests under way whatever happens; and at Wootric some flows that have written, and sleep: for a
# second each time, as the vendor asks.
SLOW = Rule(delay=0.03)
NOT_NOW = Status(500, headers={"Retry-After": "1"})
CHECKS_FAIL = Rule(destination="wootric", operation="eligible", users=SICK, do=NOT_NOW)


def _destinations(sandbox: Vendors) -> Sequence[Tables]:
    return wigzo(sandbox.url, concurrency=8), wootric(sandbox.url, concurrency=8)


def _share(worker: Worker, *, settled: int = 0) -> None:
    """It owns half of the partitions in both groups, and has settled so many events of each at least."""

    def owns(metrics: Metrics, name: str) -> bool:
        # Half of the topic's, and half of the replay topic's.
        return metrics.value("partitions_assigned", destination=name) == PARTITIONS

    worker.until_metrics(
        lambda now: all(owns(now, name) and now.settled(name) >= settled for name in ("wigzo", "wootric")), "its share"
    )


def _until_all_arrived(worker: Worker, sandbox: Vendors) -> None:
    """Every event has come to both vendors, whoever brought it, and this worker has nothing left to do."""

    def all_arrived() -> bool:
        wigzo_has, wootric_has = at_wigzo(sandbox.arrivals("wigzo")), at_wootric(sandbox.arrivals("wootric"))
        return all(len({*has.get(user, ())}) == EACH for has in (wigzo_has, wootric_has) for user in USERS)

    worker.until(all_arrived, "all arrived")
    worker.until_metrics(lambda now: not now.pending("wigzo") + now.pending("wootric"), "nothing waits")


def _faults(sandbox: Vendors) -> list[str]:
    """Where a user's arrivals do not read like its log, possibly rewound, and calls of one user at the same time."""
    found = []
    for arrived in (at_wigzo(sandbox.arrivals("wigzo")), at_wootric(sandbox.arrivals("wootric"))):
        found += [f"{user}: {fault}" for user in USERS for fault in faults_of(arrived.get(user, []), EACH)]
    both = [*sandbox.arrivals("wigzo"), *sandbox.arrivals("wootric")]
    return found + [f"{arrival.user}: {arrival.overlap} at once" for arrival in both if arrival.overlap]


def test_a_worker_that_joins_and_one_that_is_stopped_lose_nothing_and_repeat_only_flows_that_slept(
    place: Place, sandbox: Vendors, tmp_path: Path
) -> None:
    place.topics.produce(place.topic, a_crowd(USERS, EACH))
    sandbox.put_faults(CHECKS_FAIL, SLOW)
    first = Worker(tmp_path, place.kafka(), *_destinations(sandbox), name="first")
    second = Worker(tmp_path, place.kafka(), *_destinations(sandbox), name="second")
    with first, second:
        # Both start at once: whoever comes first has to give half away again, under load.
        _share(first, settled=50)
        _share(second, settled=50)
        assert 0 == first.stop()
        assert len(_arrived(sandbox)) < len(USERS) * EACH, "it was stopped when all was done"
        sandbox.put_faults(SLOW)
        _until_all_arrived(second, sandbox)
        assert [(0, 0)] * 2 == [second.until_settled(0).balance(name) for name in ("wigzo", "wootric")]
        assert 0 == second.stop()
    assert [] == _faults(sandbox)
    assert {} == repeated(at_wigzo(sandbox.arrivals("wigzo")))
    assert repeated(at_wootric(sandbox.arrivals("wootric"))).keys() <= SICK


def test_a_rebalance_counts_the_flows_that_it_cuts_and_repeats_no_other(
    place: Place, sandbox: Vendors, tmp_path: Path
) -> None:
    place.topics.produce(place.topic, a_crowd(USERS, EACH))
    sandbox.put_faults(CHECKS_FAIL, SLOW)
    with Worker(tmp_path, place.kafka(), *_destinations(sandbox), name="first") as first:
        first.until_metrics(lambda now: now.settled("wootric") > 100 and now.value("events_pending", state="sleeping"))
        with Worker(tmp_path, place.kafka(), *_destinations(sandbox), name="second") as second:
            _share(second)
            sandbox.put_faults(SLOW)
            _until_all_arrived(second, sandbox)
            counted = first.until_metrics(lambda now: not now.pending("wootric"))
            assert [0, 0] == [first.stop(), second.stop()]
    assert [] == _faults(sandbox)
    assert {} == repeated(at_wigzo(sandbox.arrivals("wigzo")))
    again = repeated(at_wootric(sandbox.arrivals("wootric")))
    assert again.keys() <= SICK
    assert again.total() <= counted.value("events_possibly_repeated_total", destination="wootric", cause="cut flow")
    assert 0 == counted.value("events_possibly_repeated_total", destination="wigzo")


def test_a_static_member_comes_back_to_its_partitions_and_its_group_hears_nothing_of_it(
    place: Place, sandbox: Vendors, tmp_path: Path
) -> None:
    place.topics.produce(place.topic, a_crowd(USERS, EACH))
    sandbox.put_faults(SLOW)
    first, second = (
        Worker(tmp_path, place.kafka(instance_id=name, session_timeout=20), *_destinations(sandbox), name=name)
        for name in ("relay-0", "relay-1")
    )
    with first, second:
        _share(first, settled=50)
        _share(second, settled=50)
        before = second.until_settled(0)
        assert 0 == first.stop()
        assert len(_arrived(sandbox)) < len(USERS) * EACH, "it was stopped when all was done"
        first.start()
        _share(first)
        _until_all_arrived(first, sandbox)
        after = second.until_settled(0)
        assert [0, 0] == [first.stop(), second.stop()]
    assert [] == _faults(sandbox)
    assert {} == repeated(at_wigzo(sandbox.arrivals("wigzo"))) | repeated(at_wootric(sandbox.arrivals("wootric")))
    assert before.by("rebalances_total", "destination") == after.by("rebalances_total", "destination")


def test_a_worker_that_is_stopped_while_its_group_rebalances_repeats_nothing(
    place: Place, sandbox: Vendors, tmp_path: Path
) -> None:
    events = a_crowd(USERS, EACH)
    places = place.topics.produce(place.topic, events)
    sandbox.put_faults(SLOW)
    first, killed, third = (
        Worker(tmp_path, place.kafka(), wigzo(sandbox.url, concurrency=8), name=name)
        for name in ("first", "killed", "third")
    )
    with first, killed:
        for worker in (first, killed):
            worker.until_metrics(lambda now: now.value("partitions_assigned") == PARTITIONS and now.settled("wigzo"))
        kept = _owned(first)
        # The group waits for the one that is gone until its session is over. It takes no commit meanwhile of the first,
        # which goes on delivering.
        killed.kill()
        with third:
            before = len(first.said("commit failed"))
            first.until(lambda: len(first.said("commit failed")) > before, "the rebalance")
            assert 0 == first.stop()
            assert len(_arrived(sandbox)) < len(USERS) * EACH, "it was stopped when all was done"
            third.until(lambda: len(_arrived(sandbox)) == len(USERS) * EACH, "all arrived")
            third.until_settled(0, "wigzo")
            assert 0 == third.stop()
    arrived = at_wigzo(sandbox.arrivals("wigzo"))
    assert [] == [fault for user in USERS for fault in faults_of(arrived[user], EACH)]
    of_the_first = {
        key.decode() for (key, _), (number, _) in zip(events, places, strict=True) if key and number in kept
    }
    assert set() == repeated(arrived).keys() & of_the_first


def test_a_worker_that_is_stopped_while_it_gives_partitions_away_repeats_nothing(
    place: Place, sandbox: Vendors, tmp_path: Path
) -> None:
    place.topics.produce(place.topic, a_crowd(USERS, 2))
    first, second = (Worker(tmp_path, place.kafka(), wigzo(sandbox.url), name=name) for name in ("first", "second"))
    sandbox.put_faults(Rule(delay=1.5))
    with first:
        first.until(lambda: sandbox.arrivals("wigzo"), "requests under way")
        with second:
            # It joins while the first finishes what is under way, which settles after the last commit before that.
            second.until(lambda: second.said("started"), "the second")
            assert 0 == first.stop()
            sandbox.put_faults()
            second.until(lambda: len(_arrived(sandbox)) == len(USERS) * 2, "all arrived")
            second.until_settled(0, "wigzo")
            assert 0 == second.stop()
    arrived = [_call(arrival) for arrival in sandbox.arrivals("wigzo") if arrival.accepted]
    assert [] == [call for call, times in Counter(arrived).items() if times > 1]


def _call(arrival: Arrival) -> tuple[str, str, int]:
    return arrival.operation, arrival.user, arrival.body["eventval"]["number"] if "eventval" in arrival.body else 0


def _owned(worker: Worker) -> set[int]:
    """The numbers of its partitions."""
    metrics = worker.until_metrics(lambda now: now.by("consumer_lag", "partition") or now.settled("wigzo"))
    return {int(had["partition"]) for name, had, _ in metrics.samples if name == "consumer_lag"}


def test_a_killed_worker_repeats_nothing_that_a_commit_says_is_settled(
    place: Place, sandbox: Vendors, tmp_path: Path
) -> None:
    events = a_crowd(USERS, EACH)[len(USERS) :]
    places = dict(zip(place.topics.produce(place.topic, events), events, strict=True))
    sandbox.put_faults(SLOW)
    quick = place.kafka(session_timeout=3)
    with Worker(tmp_path, quick, wigzo(sandbox.url, concurrency=16, request_timeout=1)) as worker:
        worker.until_metrics(lambda now: now.settled("wigzo") > len(events) // 4, "a quarter")
        killed = time.time()
        worker.kill()
        committed = settled_by_commits(place.topics.bootstrap, f"{place.group}.wigzo", set(places))
        before = [arrival for arrival in sandbox.arrivals("wigzo") if arrival.accepted]
        worker.start()
        worker.until(lambda: len(_arrived(sandbox)) == len(events), "all arrived")
        metrics = worker.until_metrics(lambda now: not now.pending("wigzo"))
        assert 0 == worker.stop()
    assert [] == [fault for user in USERS for fault in faults_of(at_wigzo(sandbox.arrivals("wigzo"))[user], EACH)]
    assert (0, 0) == metrics.balance("wigzo")
    again = {_event(arrival) for arrival in sandbox.arrivals("wigzo", since=before[-1].number) if arrival.accepted}
    assert set() == again & {_of_record(record) for at, record in places.items() if at in committed}
    # A commit every half second: what was answered some seconds before had been committed.
    assert set() == again & {_event(arrival) for arrival in before if arrival.time < killed - 2.5}


def _event(arrival: Arrival) -> tuple[str, int]:
    return arrival.user, arrival.body["eventval"]["number"]


def _of_record(record: Record) -> tuple[str, int]:
    message = orjson.loads(record[1] or b"")
    return message["userId"], message["properties"]["number"]


def _arrived(sandbox: Vendors) -> set[tuple[str, int]]:
    return {
        _event(arrival)
        for arrival in sandbox.arrivals("wigzo")
        if arrival.accepted and arrival.operation == "learn/event"
    }
