"""What Prometheus gets, and that the page about it is the declarations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from tests.builders import a_status
from worker import metrics
from worker.build import build
from worker.core.holds.states import HELD, State
from worker.core.records import TopicPartition
from worker.core.tally import Cause, PartitionStatus, PendingState, Status, Tally
from worker.exposition import registry
from worker.reference import PAGES

NOW = 1_700_000_000.0
FIRST, SECOND = TopicPartition("events", 0), TopicPartition("events", 1)


def a_partition(**fields: Any) -> PartitionStatus:
    return PartitionStatus(
        **{"committable": 40, "settled_ahead": 3, "unsettled": 2, "paused": False, "map_chars": 12, **fields}
    )


def busy(**fields: Any) -> Status:
    partitions = {FIRST: a_partition(), SECOND: a_partition(paused=True, map_chars=99)}
    waiting = {"ready": 2, "sleeping": 1}
    ages = {"oldest_pending": NOW - 90, "next_give_up": NOW + 600}
    return a_status(**{"pending": waiting, "keys_failing": 1, "at_risk": 5, "partitions": partitions, **ages, **fields})


@dataclass
class ALane:
    name: str = "shop"
    reasons: tuple[str, ...] = ("no-query",)
    tally: Tally = field(default_factory=Tally)
    at: Status = field(default_factory=busy)
    ends: Mapping[TopicPartition, int] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)

    def status(self, now: float) -> Status:
        assert now == NOW
        return self.at

    def log_ends(self) -> Mapping[TopicPartition, int]:
        return self.ends

    def topic_partitions(self) -> Mapping[str, int]:
        return self.sizes


def scraped(*lanes: ALane) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = generate_latest(registry(lanes, clock=lambda: NOW)).decode()
    return {
        (sample.name.removeprefix(metrics.PREFIX), tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith(metrics.PREFIX)
    }


def of(name: str, *lanes: ALane) -> dict[tuple[str, ...], float]:
    """One metric's samples, by the values of its labels (in the order of their names) but ``destination``."""
    found = scraped(*lanes).items()
    return {tuple(v for k, v in labels if k != "destination"): value for (n, labels), value in found if n == name}


def test_counters_are_what_the_lane_counted() -> None:
    tally = Tally(released=4, rebalances=2, metadata_ignored=1, passed_over=5)
    tally.consumed["events"] = 7
    tally.settle("delivered", "", 3)
    tally.settle("dead-lettered", "no-query")
    tally.requests["learn/event", "200"] = 3
    for counter in (tally.retries, tally.dead_letters, tally.commits, tally.lost_to_retention):
        counter["x"] += 2
    tally.possibly_repeated["cut flow"] += 2
    tally.held_seconds["limited"] += 2.5
    samples = scraped(ALane(tally=tally))
    shop = ("destination", "shop")
    expected = {
        ("events_consumed_total", (shop, ("topic", "events"))): 7,
        ("events_settled_total", (shop, ("outcome", "delivered"), ("reason", ""))): 3,
        ("events_settled_total", (shop, ("outcome", "dead-lettered"), ("reason", "no-query"))): 1,
        ("events_released_total", (shop,)): 4,
        ("events_passed_over_total", (shop,)): 5,
        ("requests_total", (shop, ("operation", "learn/event"), ("status", "200"))): 3,
        ("retries_total", (shop, ("reason", "x"))): 2,
        ("dead_letters_total", (shop, ("reason", "x"))): 2,
        ("events_possibly_repeated_total", (("cause", "cut flow"), shop)): 2,
        ("commits_total", (shop, ("result", "x"))): 2,
        ("events_lost_to_retention_total", (shop, ("topic", "x"))): 2,
        ("held_seconds_total", (shop, ("reason", "limited"))): 2.5,
        ("rebalances_total", (shop,)): 2,
        ("commit_metadata_ignored_total", (shop,)): 1,
    }
    assert expected == {name: value for name, value in samples.items() if name[0].endswith("_total") and value}


def test_what_an_alert_counts_is_there_before_its_first_time() -> None:
    """A series that begins at 1 has no increase: nobody would hear of the first dead letter, nor of the only one."""
    lane = ALane(sizes={"events": 6})
    letters = of("dead_letters_total", lane)
    assert {"refused", "retries-exhausted", "not-json", "no-query"} <= {reason for (reason,) in letters}
    assert {("dead-lettered", *letter) for letter in letters} | {("delivered", "")} == set(
        of("events_settled_total", lane)
    )
    assert {(cause,) for cause in get_args(Cause)} == set(of("events_possibly_repeated_total", lane))
    assert {(state,) for state in HELD} == set(of("held_seconds_total", lane))
    assert {("ok",): 0} == of("commits_total", lane)
    assert {("events",): 0} == of("events_lost_to_retention_total", lane) == of("events_consumed_total", lane)
    assert {0} == {value for (name, _), value in scraped(lane).items() if name.endswith("_total")}


def test_gauges_are_how_the_lane_stands() -> None:
    lane = ALane(at=busy(state="breaker", limited_by=frozenset({"offset map"}), imbalance=0))
    pending = of("events_pending", lane)
    assert {("ready",): 2, ("sleeping",): 1} == {state: count for state, count in pending.items() if count}
    assert {(state,) for state in get_args(PendingState)} == set(pending)
    assert {(): 90} == of("oldest_pending_age_seconds", lane)
    assert {("breaker",)} == {state for state, value in of("destination_state", lane).items() if value}
    assert {(state,) for state in State} == set(of("destination_state", lane))
    assert {(): 1} == of("keys_failing", lane)
    assert {(): 5} == of("events_at_risk", lane)
    assert {(): NOW + 600} == of("next_give_up_timestamp_seconds", lane)
    assert {("events",): 2} == of("partitions_assigned", lane)
    assert {(): 1} == of("partitions_paused", lane)
    assert {("offset map",): 1} == of("limited_by", lane)
    assert {(): 99} == of("offset_map_chars", lane)
    assert {(): 0} == of("ledger_imbalance", lane)


def test_a_worker_without_a_partition_of_a_topic_says_so() -> None:
    lane = ALane(sizes={"events": 6, "replays": 4})
    assert {("events",): 2, ("replays",): 0} == of("partitions_assigned", lane)
    assert {("events",): 6, ("replays",): 4} == of("topic_partitions", lane)


def test_without_a_failing_user_there_is_no_time_of_giving_up() -> None:
    assert {} == of("next_give_up_timestamp_seconds", ALane(at=busy(next_give_up=None)))


def test_lag_counts_what_is_settled_ahead_as_done() -> None:
    assert {("0", "events"): 7} == of("consumer_lag", ALane(ends={FIRST: 50}))


def test_lag_is_never_negative() -> None:
    assert {("0", "events"): 0} == of("consumer_lag", ALane(ends={FIRST: 1}))


def test_the_series_of_a_revoked_partition_are_gone() -> None:
    ends = {FIRST: 50, SECOND: 60}
    assert {("0", "events"), ("1", "events")} == set(of("consumer_lag", ALane(ends=ends)))
    left = ALane(ends=ends, at=busy(partitions={SECOND: a_partition()}))
    assert {("1", "events")} == set(of("consumer_lag", left))


def test_an_idle_lane_has_no_old_event_and_no_map() -> None:
    idle = ALane(at=busy(oldest_pending=None, partitions={}))
    assert ({(): 0}, {(): 0}) == (of("oldest_pending_age_seconds", idle), of("offset_map_chars", idle))


def test_a_histogram_counts_from_below() -> None:
    lane = ALane()
    for events in (1, 3, 3, 6000):
        lane.tally.batch_events.observe(events)
    lane.tally.duration_of("learn/event").observe(0.02)
    buckets = of("batch_events_bucket", lane)
    assert (1, 1, 3, 3, 4) == (*(buckets[(bound,)] for bound in ("1.0", "2.0", "5.0", "5000.0", "+Inf")),)
    assert ({(): 4}, {(): 6007}) == (of("batch_events_count", lane), of("batch_events_sum", lane))
    assert {("learn/event",): 1} == of("request_duration_seconds_count", lane)


def test_each_lane_has_its_own_series() -> None:
    samples = scraped(ALane("a", tally=Tally(released=1)), ALane("b", tally=Tally(released=2)))
    assert {"a": 1, "b": 2} == {
        dict(labels)["destination"]: value
        for (name, labels), value in samples.items()
        if name.endswith("released_total")
    }


def test_the_release_its_build_and_the_process_are_told() -> None:
    text = generate_latest(registry([], clock=lambda: NOW)).decode()
    assert f'segment_relay_build_info{{build="{build()}",python="3.' in text
    assert "process_resident_memory_bytes" in text


def test_every_metric_is_exposed_under_its_declared_name() -> None:
    text = generate_latest(registry([ALane()], clock=lambda: NOW)).decode()
    exposed = {line.split()[2] for line in text.splitlines() if line.startswith(f"# TYPE {metrics.PREFIX}")}
    assert {declared.name for declared in metrics.METRICS} | {metrics.BUILD[0]} == exposed


def test_no_metric_is_declared_twice() -> None:
    names = [declared.name for declared in metrics.METRICS]
    assert sorted(set(names)) == sorted(names)


def test_the_reference_pages_are_what_the_declarations_say() -> None:
    for name, page in PAGES.items():
        assert page() == (Path("docs") / name).read_text("utf-8"), f"run: python -m worker.reference docs ({name})"
