"""Every metric, once: name, labels, and help that says what to do about it. docs/metrics.md is made from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, Literal, get_args

from worker.core.holds.states import HELD, State
from worker.core.reasons import MALFORMED, NOT_DELIVERED
from worker.core.tally import Cause, Histogram, PendingState
from worker.scrape import Declared, Scraped, Series

PREFIX: Final = "segment_relay_"


def _lane(
    kind: Literal["counter", "gauge", "histogram"],
    name: str,
    labels: tuple[str, ...],
    help: str,  # noqa: A002  (the field's word for it)
    read: Callable[[Scraped], Series],
) -> Declared:
    return Declared(kind, PREFIX + name, labels, help, read)


def single(value: float | Histogram) -> Series:
    """A metric without further labels."""
    return (((), value),)


def by(counter: Mapping[Any, float | Histogram], known: Iterable[Any] = ()) -> Series:
    """A series for each key of a counter: one label's value, or a tuple of them.

    The ``known`` ones begin at 0. A series that begins at its first count has no increase then, so Prometheus would
    not see the first dead letter of a reason, nor the only one.
    """
    from_zero = {**dict.fromkeys(known, 0), **counter}
    return ((label if isinstance(label, tuple) else (label,), value) for label, value in from_zero.items())


def given_up_for(lane: Scraped) -> tuple[str, ...]:
    """Each reason that a dead letter may have."""
    return (*MALFORMED, *NOT_DELIVERED, *lane.reasons)


def ends(lane: Scraped) -> Iterator[tuple[str, str]]:
    """How events end: outcome and reason. (Those that were not wanted are nobody's alarm.)"""
    yield "delivered", ""
    yield from (("dead-lettered", reason) for reason in given_up_for(lane))


def states(lane: Scraped) -> Series:
    """1 for the present state, 0 for the others."""
    return (((state,), float(state == lane.status.state)) for state in State)


METRICS: Final = (
    # --- The books
    _lane(
        "counter",
        "events_consumed_total",
        ("topic",),
        "Events read. Flat while consumer_lag grows: see limited_by and destination_state.",
        lambda lane: by(lane.tally.consumed, lane.topic_partitions),
    ),
    _lane(
        "counter",
        "events_settled_total",
        ("outcome", "reason"),
        "Events that are done: delivered, filtered, skipped or dead-lettered; docs/reasons.md explains each reason.",
        lambda lane: by(lane.tally.settled, ends(lane)),
    ),
    _lane(
        "counter",
        "events_released_total",
        (),
        "Events handed back unsettled when their partition left; whoever owns it now sends them. Needs nothing.",
        lambda lane: single(lane.tally.released),
    ),
    _lane(
        "gauge",
        "events_pending",
        ("state",),
        "Events in memory. Most sleep: the destination fails for them, see retries_total. Most are ready: it is slow, "
        "see concurrency_limit.",
        lambda lane: by({state: lane.status.pending.get(state, 0) for state in get_args(PendingState)}),
    ),
    _lane(
        "gauge",
        "ledger_imbalance",
        (),
        "Consumed less settled, released and pending. Anything but 0 is a bug: please report it, with the log.",
        lambda lane: single(lane.status.imbalance),
    ),
    _lane(
        "counter",
        "events_passed_over_total",
        (),
        "Events not sent again after a restart, since a commit said that they were settled. Needs nothing.",
        lambda lane: single(lane.tally.passed_over),
    ),
    _lane(
        "counter",
        "events_possibly_repeated_total",
        ("cause",),
        "Events whose requests may reach the vendor twice. unknown outcome: no answer came. drain's bound, cut flow: a "
        "stop or rebalance came between. lost partition: this worker had been taken for dead. flow begun again: it "
        "slept for over a minute. merge taken apart: one of its events was not delivered. crash: what the last commit "
        "of a worker that ended otherwise, or lost the partition, said was under way (an estimate).",
        lambda lane: by(lane.tally.possibly_repeated, get_args(Cause)),
    ),
    _lane(
        "gauge",
        "events_at_risk",
        (),
        "Events that a crash at this moment would repeat at most: under way, begun, or settled and not committed yet.",
        lambda lane: single(lane.status.at_risk),
    ),
    # --- The destination
    _lane(
        "counter",
        "requests_total",
        ("operation", "status"),
        "Requests by the vendor's answer, or by what stood in its place (timeout, refused, reset, tls, dns).",
        lambda lane: by(lane.tally.requests),
    ),
    _lane(
        "histogram",
        "request_duration_seconds",
        ("operation",),
        "Time from a request to its answer. Near request_timeout: the vendor is too slow, or the timeout too short.",
        lambda lane: by(lane.tally.request_duration),
    ),
    _lane(
        "gauge",
        "requests_open",
        (),
        "Requests that the destination has not answered yet. Near concurrency_limit: that is what limits the rate.",
        lambda lane: single(lane.status.requests_open),
    ),
    _lane(
        "gauge",
        "concurrency_limit",
        (),
        "Requests that may be open at once: what was found to be best, or the fixed number. Low, and the requests "
        "slow: the destination takes no more.",
        lambda lane: single(lane.status.concurrency_limit),
    ),
    _lane(
        "histogram",
        "delivery_latency_seconds",
        (),
        "Time from an event's Kafka timestamp to its settling, with what it waited while no worker ran.",
        lambda lane: single(lane.tally.delivery_latency),
    ),
    _lane(
        "gauge",
        "oldest_pending_age_seconds",
        (),
        "Age of the oldest unsettled event, 0 when there is none. The one to alert on: over an hour, look at "
        "destination_state, then at keys_failing.",
        lambda lane: single(lane.oldest_pending_age()),
    ),
    _lane(
        "gauge",
        "destination_state",
        ("state",),
        "1 for the state of the lane. set-up, login: correct its credentials. breaker: the destination is down. "
        "limited: it asked for a pause. reject guard: it refuses everybody's events, look at the latest change. "
        "Events wait in Kafka meanwhile.",
        states,
    ),
    _lane(
        "counter",
        "held_seconds_total",
        ("reason",),
        "Time in which nothing was sent. Growing for limited: ask the vendor for a higher limit, or filter events.",
        lambda lane: by(lane.tally.held_seconds, sorted(HELD)),
    ),
    _lane(
        "counter",
        "retries_total",
        ("reason",),
        "Requests that go out again, by what went wrong. A steady rate: look at the destination's own status page.",
        lambda lane: by(lane.tally.retries),
    ),
    _lane(
        "counter",
        "dead_letters_total",
        ("reason",),
        "Events given up, kept in the topic of dead letters. Look at one of each reason (docs/reasons.md).",
        lambda lane: by(lane.tally.dead_letters, given_up_for(lane)),
    ),
    _lane(
        "gauge",
        "keys_failing",
        (),
        "Users whose next event fails at present; only they wait. Many: requests_total shows the answer that they get.",
        lambda lane: single(lane.status.keys_failing),
    ),
    _lane(
        "gauge",
        "next_give_up_timestamp_seconds",
        (),
        "Unix time from which the first failing event is given up, if it goes on failing while others are delivered. "
        "No series: none is on its way there. Near: mend the destination, or the event is a dead letter.",
        lambda lane: () if lane.status.next_give_up is None else single(lane.status.next_give_up),
    ),
    _lane(
        "histogram",
        "merged_events",
        (),
        "Events that shared one flow, of those that may.",
        lambda lane: single(lane.tally.merged_events),
    ),
    # --- Kafka
    _lane(
        "gauge",
        "consumer_lag",
        ("topic", "partition"),
        "Records not settled yet; what is settled ahead counts as done. Growing while the state is open: see "
        "limited_by and concurrency_limit, or run more workers (at most one a partition).",
        lambda lane: lane.lag(),
    ),
    _lane(
        "counter",
        "events_lost_to_retention_total",
        ("topic",),
        "Records that Kafka deleted before they were read: they are lost. Raise the topic's retention.",
        lambda lane: by(lane.tally.lost_to_retention, lane.topic_partitions),
    ),
    _lane(
        "gauge",
        "partitions_assigned",
        ("topic",),
        "Partitions that this worker owns. 0 for long: more workers than partitions, or it is not in its group.",
        lambda lane: by(lane.assigned()),
    ),
    _lane(
        "gauge",
        "topic_partitions",
        ("topic",),
        "Partitions that a topic has. More than all workers' partitions_assigned for long: some have no owner, and "
        "nobody reads them.",
        lambda lane: by(lane.topic_partitions),
    ),
    _lane(
        "gauge",
        "partitions_paused",
        (),
        "Partitions not read at present, since something is full: see limited_by.",
        lambda lane: single(sum(each.paused for each in lane.status.partitions.values())),
    ),
    _lane(
        "gauge",
        "limited_by",
        ("limit",),
        "1 for each thing that keeps the lane from going on. idle: nothing to do. held: see destination_state. "
        "buffer events, buffer bytes: the destination is slower than the topic. offset map: users fail for long. "
        "failing users: nobody else is left, see keys_failing. retry budget: retries wait for their share of the "
        "requests. concurrency: the destination takes no more at once, see concurrency_limit. rate: the vendor's limit "
        "is spent evenly, and more workers would get no more of it. "
        "dead letters, commit: Kafka does not take what is written. lease: Kafka does not answer this "
        "worker, so its partitions may be another's. disabled: by its setting.",
        lambda lane: (((limit,), 1.0) for limit in sorted(lane.status.limited_by)),
    ),
    _lane(
        "histogram",
        "batch_events",
        (),
        "Events in one poll. Always 1 under load: the worker waits for Kafka.",
        lambda lane: single(lane.tally.batch_events),
    ),
    _lane(
        "counter",
        "rebalances_total",
        (),
        "Times that partitions came or went. Many without a rollout: workers lose their session, see the log.",
        lambda lane: single(lane.tally.rebalances),
    ),
    _lane(
        "counter",
        "commits_total",
        ("result",),
        "Offset commits. Only failures for 30 s: the lane takes nothing more; look at the broker.",
        lambda lane: by(lane.tally.commits, ("ok",)),
    ),
    _lane(
        "counter",
        "commit_metadata_ignored_total",
        (),
        "Commits whose metadata was another version's or damaged: what was settled ahead is sent again.",
        lambda lane: single(lane.tally.metadata_ignored),
    ),
    _lane(
        "gauge",
        "offset_map_chars",
        (),
        "Longest commit metadata, of the 4096 characters that Kafka takes. Near that: some users fail for long.",
        lambda lane: single(max((each.map_chars for each in lane.status.partitions.values()), default=0)),
    ),
)
BUILD: Final = (
    f"{PREFIX}build_info",
    "1, with what runs here as labels. `interpreted` where no compiled build is installed: slower.",
)
