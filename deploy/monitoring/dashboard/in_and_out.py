"""What comes in, and what becomes of it."""

from __future__ import annotations

from typing import Final

from deploy.monitoring.dashboard.grafana import Query, Row, lines
from deploy.monitoring.dashboard.promql import DELIVERED, by, mean, per, rate

ROW: Final = Row(
    "In and out",
    [
        lines(
            "Events read and settled",
            "Read more than settled for long: the buffer fills, then the lag grows. Nothing read although there is "
            "lag: see what limits it.",
            Query(by("destination", rate("events_consumed_total")), "{{destination}} read"),
            Query(by("destination", rate("events_settled_total")), "{{destination}} settled"),
            unit="eps",
            width=6,
            runbooks=["SegmentRelayLagGrowing"],
        ),
        lines(
            "Settled, by outcome",
            "Delivered is what arrived; filtered is what the settings leave out; skipped is what the vendor needs "
            "nothing for; dead-lettered was given up. Much filtered after a change: look at events_allowed, types, "
            "consent.",
            Query(by("outcome", rate("events_settled_total")), "{{outcome}}"),
            unit="eps",
            stacked=True,
            width=6,
        ),
        lines(
            "Not delivered, by reason",
            "docs/reasons.md says what each means. A reason that is new today came with a change: undo it, then replay "
            "the dead letters.",
            Query(
                by("destination, outcome, reason", rate("events_settled_total", 'outcome!="delivered"')) + " > 0",
                "{{destination}} {{outcome}}: {{reason}}",
            ),
            unit="eps",
            width=6,
            runbooks=["SegmentRelayRejectsRising"],
            nothing="all was delivered",
        ),
        lines(
            "Requests for each delivered event",
            "Rising without a release: retries, or look-ups that are not remembered. Merged events make it fall. "
            "A vendor's limit counts these requests.",
            Query(
                per(
                    by("destination", rate("requests_total")),
                    by("destination", rate("events_settled_total", DELIVERED)),
                ),
                "{{destination}} requests",
            ),
            Query(
                mean("merged_events"),
                "{{destination}} events in a merge",
            ),
            unit="short",
            width=6,
        ),
    ],
)
