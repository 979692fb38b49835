"""Partitions, commits, and what they mean for loss and repeats."""

from __future__ import annotations

from typing import Final

from deploy.monitoring.dashboard.grafana import RED_ABOVE_0, Query, Row, lines
from deploy.monitoring.dashboard.promql import LANE, SPAN, WORKER, by, increase, lag, mean, of, rate


def _increase(name: str) -> str:
    return increase(name, SPAN)


OWNED: Final = by(f"{LANE}, {WORKER}", of("partitions_assigned"))
ROW: Final = Row(
    "Kafka",
    [
        lines(
            "Lag",
            "Records that are not settled. Growing while the lane is open: see what limits it, or run more workers (at "
            "most one a partition). Growing while it is held: mend that, more workers help nothing.",
            Query(lag("destination"), "{{destination}}"),
            unit="short",
            runbooks=["SegmentRelayLagGrowing"],
        ),
        lines(
            "Lag by partition",
            "One partition alone: a user with very many events, or a partition whose users fail. All of one worker's: "
            "that worker.",
            Query(lag("destination, topic, partition") + " > 0", "{{destination}} {{topic}}/{{partition}}"),
            unit="short",
            nothing="no lag",
        ),
        lines(
            "Partitions of each worker",
            "At the destination of which it has fewest. 0 for long: more workers than partitions, or it is not in its "
            "group. Paused: something is full, see what limits it.",
            Query(f"min by (pod, instance) ({OWNED})", "{{pod}} {{instance}}"),
            Query(by("destination", of("partitions_paused")), "{{destination}} paused"),
            unit="short",
            runbooks=["SegmentRelayNoPartitionsAssigned"],
        ),
        lines(
            "Rebalances",
            "Times that partitions came or went, at the worker that saw most. Many without a rollout: workers lose "
            "their session, are restarted, or an autoscaler goes up and down.",
            Query(f"max by (destination) ({_increase('rebalances_total')})", "{{destination}}"),
            unit="short",
            width=6,
            runbooks=["SegmentRelayRebalancesWithoutEnd"],
        ),
        lines(
            "Commits, by result",
            "Anything but ok for 30 s: the lane takes nothing more. Look at the brokers, and at the group's "
            "coordinator. Single failures during a rebalance are nothing.",
            Query(by("destination, result", rate("commits_total")), "{{destination}}: {{result}}"),
            unit="ops",
            width=6,
            runbooks=["SegmentRelayCommitsFailing", "SegmentRelayKafkaTakesNothing"],
        ),
        lines(
            "Room for what is settled ahead",
            "Characters of the longest commit, of 4,096. Near 3,600 a partition stands, until its failing users are "
            "served or given up.",
            Query(f"max by (destination) ({of('offset_map_chars')})", "{{destination}}"),
            unit="short",
            steps=((None, "green"), (3000.0, "red")),
            width=6,
            runbooks=["SegmentRelayOffsetMapNearlyFull"],
        ),
        lines(
            "Events in a poll",
            "On average. 1 under load: the worker waits for Kafka, see the brokers and the network.",
            Query(
                mean("batch_events"),
                "{{destination}}",
            ),
            unit="short",
            width=6,
        ),
        lines(
            "What a crash would repeat",
            "Events under way, begun, or settled and not committed yet. Needs nothing; far above what goes out in a "
            "second: commits fail, or flows sleep that have begun.",
            Query(by("destination", of("events_at_risk")), "{{destination}}"),
            unit="short",
            width=6,
        ),
        lines(
            "Possibly sent twice, by cause",
            "*unknown outcome*: the vendor does not answer in time. *crash*: a worker was killed (memory? see "
            "Restarts). *drain's bound*: drain_timeout is too short for the vendor's answers. *cut flow*, *flow begun "
            "again*, *merge taken apart*: needs nothing.",
            Query(
                by("destination, cause", _increase("events_possibly_repeated_total")) + " > 0",
                "{{destination}}: {{cause}}",
            ),
            unit="short",
            stacked=True,
            width=6,
            runbooks=["SegmentRelayRepeatsRising"],
            nothing="none",
        ),
        lines(
            "Lost, or not understood",
            "Lost: Kafka deleted records unread; raise the topic's retention at once. Commits not understood: another "
            "version's or damaged, so what was settled ahead is sent again.",
            Query(by("destination", _increase("events_lost_to_retention_total")), "{{destination}} events lost"),
            Query(
                by("destination", _increase("commit_metadata_ignored_total")), "{{destination}} commits not understood"
            ),
            unit="short",
            steps=RED_ABOVE_0,
            width=6,
            runbooks=["SegmentRelayEventsLostToRetention"],
        ),
        lines(
            "Handed on",
            "Handed back: events whose partition left while they waited; passed over: what a commit said was settled, "
            "so it is not sent again. Both come with rebalances and restarts, and need nothing.",
            Query(by("destination", _increase("events_released_total")), "{{destination}} handed back"),
            Query(by("destination", _increase("events_passed_over_total")), "{{destination}} passed over"),
            unit="short",
            width=6,
        ),
    ],
)
