"""How long it takes."""

from __future__ import annotations

from typing import Final

from deploy.monitoring.dashboard.grafana import Column, Query, Row, lines, table
from deploy.monitoring.dashboard.promql import by, quantile, rate

OPERATION: Final = "destination, operation"
QUANTILES: Final = (0.5, 0.95, 0.99)

ROW: Final = Row(
    "Latency",
    [
        lines(
            "From Kafka to settled",
            "From an event's Kafka timestamp to its settling, with whatever it waited meanwhile: an outage or a rewind "
            "lifts it until all is caught up. Lifted without either: compare with the requests beside it.",
            *(
                Query(
                    quantile(share, "delivery_latency_seconds", "destination"),
                    f"{{{{destination}}}} p{share * 100:.0f}",
                )
                for share in QUANTILES
            ),
            unit="s",
            log_scale=True,
            runbooks=["SegmentRelayLatencyBudgetBurning"],
        ),
        lines(
            "Requests, p99 by operation",
            "The vendor's own answering time. Near request_timeout: the vendor is too slow or the timeout too short, "
            "and answers that come too late may mean events sent twice.",
            Query(quantile(0.99, "request_duration_seconds", OPERATION), "{{destination}} {{operation}}"),
            unit="s",
            log_scale=True,
        ),
        lines(
            "Answers",
            "2xx is well. 429: over the limit. 401, 403: the account. Other 4xx: the events' own fault. 5xx, timeout, "
            "refused, reset, tls, dns: the vendor or the way to it; look at its status page.",
            Query(by("destination, status", rate("requests_total")), "{{destination}} {{status}}"),
            unit="reqps",
            stacked=True,
        ),
        table(
            "Requests by operation, over the time shown",
            "Which call is slow or many. A look-up as frequent as the events: nothing is remembered of it.",
            [
                Column("Requests", by(OPERATION, rate("requests_total", window="$__range")), "reqps", decimals=2),
                *(
                    Column(
                        f"p{share * 100:.0f}",
                        quantile(share, "request_duration_seconds", OPERATION, "$__range") + " >= 0",
                        "s",
                    )
                    for share in QUANTILES
                ),
            ],
            first=["destination", "operation"],
            sort=("Requests", True),
            height=6,
        ),
    ],
)
