"""What waits, and for what."""

from __future__ import annotations

from typing import Final

from deploy.monitoring.dashboard.grafana import Query, Row, lines
from deploy.monitoring.dashboard.promql import SPAN, by, increase, of, rate

ROW: Final = Row(
    "Waiting",
    [
        lines(
            "Events in memory, by state",
            "Most sleeping: the vendor fails for them, see the retries. Most ready: it is slow, see the requests open. "
            "Most behind their user: few users with many events. Dead-lettering for long: Kafka does not take them.",
            Query(by("destination, state", of("events_pending")) + " > 0", "{{destination}} {{state}}"),
            width=6,
            unit="short",
            stacked=True,
            nothing="nothing waits",
        ),
        lines(
            "Requests open, and how many may be",
            "How many may be open is found by each worker: the level from where more would only wait for each other at "
            "the vendor. Both the same: the vendor, or the worker's CPU, is what limits. Open far below: too few "
            "different users wait, or nothing does.",
            Query(by("destination", of("requests_open")), "{{destination}} open"),
            Query(by("destination", of("concurrency_limit")), "{{destination}} allowed"),
            width=6,
            unit="short",
        ),
        lines(
            "Users failing",
            "Users whose next event fails at present; nobody else waits for them. A few: look at one in the log "
            "(first failure). Many, and rising: the vendor is ill; see its answers.",
            Query(by("destination", of("keys_failing")), "{{destination}}"),
            width=6,
            unit="short",
            runbooks=["SegmentRelayFullOfFailingUsers", "SegmentRelayOffsetMapNearlyFull"],
        ),
        lines(
            "Time until events are given up",
            "When the first failing event may become a dead letter, if others are delivered meanwhile. Below an hour: "
            "mend what it fails with now, or replay it later. An outage gives nothing up.",
            Query(f"min by (destination) ({of('next_give_up_timestamp_seconds')}) - time()", "{{destination}}"),
            width=6,
            unit="s",
            steps=((None, "red"), (3600.0, "green")),
            least=None,
            runbooks=["SegmentRelayEventsSoonGivenUp"],
            nothing="nobody fails",
        ),
        lines(
            "Retries, by reason",
            "Requests that go out again. A steady rate: look at the vendor's status page. They take 5 % of the "
            "requests at most, or ten a second; beyond that *retry budget* limits the lane.",
            Query(by("destination, reason", rate("retries_total")), "{{destination}}: {{reason}}"),
            unit="reqps",
            nothing="no retries",
        ),
        lines(
            "Share of the time in which it is held",
            "100 %: nothing is sent. *limited* for much of the time while the lag grows: send less (events_allowed, "
            "types) or ask the vendor for a higher limit; more workers make it worse.",
            Query(
                f"{by('destination, reason', rate('held_seconds_total'))} / on (destination) group_left"
                f" count by (destination) ({of('ledger_imbalance')}) > 0",
                "{{destination}}: {{reason}}",
            ),
            unit="percentunit",
            stacked=True,
            most=1,
            nothing="never",
            runbooks=["SegmentRelayLimited", "SegmentRelayBreakerOpen"],
        ),
        lines(
            "Dead letters, by reason",
            "Events that were given up, in each interval. They are kept in a topic: `segment-relay dead-letters list` "
            "shows them, `replay` sends them again once the cause is mended.",
            Query(
                by("destination, reason", increase("dead_letters_total", SPAN)) + " > 0",
                "{{destination}}: {{reason}}",
            ),
            unit="short",
            stacked=True,
            runbooks=["SegmentRelayDeadLettersWritten"],
            nothing="none",
        ),
    ],
)
