"""Is it well? Which destination is not, and why: to be seen in ten seconds."""

from __future__ import annotations

from typing import Final

from deploy.monitoring.dashboard.grafana import Column, Query, Row, by_name, lines, table, timeline
from deploy.monitoring.dashboard.promql import (
    DELIVERED,
    LANE,
    LIMITS,
    PREFIX,
    SPAN,
    STATES,
    WORKERS,
    by,
    increase,
    lag,
    limit,
    of,
    process,
    rate,
    state,
    success,
    without_owner,
)

HOUR: Final = 3600.0
# In the table only what is not well has a colour.
QUIET: Final = "transparent"
WRONG: Final = ((None, QUIET), (0.5, "red"))
# An alert of the process has no destination, and one that nobody is there has no labels at all.
FIRING: Final = (
    'ALERTS{alertname=~"SegmentRelay.+", alertstate="firing", '
    'namespace=~"$namespace|", job=~"$job|", destination=~"$destination|"}'
)
THIS_ONE: Final = "/d/segment-relay?${datasource:queryparam}&var-destination=${__value.raw}&${__url_time_range}"

DESTINATIONS: Final = table(
    "Destinations",
    "One line for each destination of each release. **Read the first three columns: they name the fault.** "
    "*limited*, *breaker*: events wait in Kafka, nothing to do at once. *set-up*, *login*: correct the secret. "
    "*reject guard*: undo the latest change. Open and yet old: see what limits it, and the users failing. "
    "*Books* is not 0: a bug, please report it. Click on a destination to see it alone.",
    [
        Column("State", state(), words=STATES, width=110),
        Column("Limited by", limit(), words=LIMITS, width=120),
        Column(
            "Oldest event",
            f"max by ({LANE}) ({of('oldest_pending_age_seconds')})",
            "s",
            steps=((None, QUIET), (600.0, "yellow"), (HOUR, "red")),
            decimals=0,
        ),
        Column(
            "Not given up, 1 h",
            success(LANE, "1h"),
            "percentunit",
            steps=((None, "red"), (0.99, "yellow"), (0.999, QUIET)),
            decimals=2,
        ),
        Column("Delivered", by(LANE, rate("events_settled_total", DELIVERED)), "eps", decimals=1),
        Column("Lag", lag(LANE), decimals=0),
        Column("Users failing", by(LANE, of("keys_failing")), steps=((None, QUIET), (1.0, "yellow")), decimals=0),
        Column(
            "Given up from",
            f"1000 * min by ({LANE}) ({of('next_give_up_timestamp_seconds')})",
            "dateTimeFromNow",
        ),
        Column(
            "Dead letters, 1 h",
            by(LANE, increase("dead_letters_total", "1h")),
            steps=((None, QUIET), (0.5, "yellow")),
            decimals=0,
        ),
        Column("Partitions without owner", without_owner(LANE), steps=WRONG, decimals=0),
        Column("Workers", f"count by ({LANE}) (max by ({LANE}, pod, instance) ({of('partitions_assigned')}))"),
        Column("Books", f"max by ({LANE}) (abs({of('ledger_imbalance')}))", steps=WRONG, decimals=0),
    ],
    first=["destination"],
    sort=("State", True),
    overrides=[by_name("destination", {"links": [{"title": "Only ${__value.text}", "url": THIS_ONE}]})],
    runbooks=["SegmentRelayBooksDoNotBalance"],
    height=6,
)

ALERTS: Final = table(
    "Alerts that fire",
    "Each alert's name leads to its runbook. (Needs the alerts: `monitoring.rules` of the chart.) An empty table and a "
    "destination that stands: what it waits for needs nobody, or the alert is not due yet.",
    [Column("fires", FIRING)],
    first=["severity", "alertname", "destination"],
    hidden=["Value", "__name__", "alertstate", "job", "namespace", "endpoint", "container", "burn"],
    overrides=[
        by_name("alertname", {"links": [{"title": "Runbook", "url": "${runbooks}/${__value.raw}.md"}]}),
        by_name("severity", {"custom.width": 80}),
    ],
    sort=("severity", False),
    width=8,
    nothing="no alert fires",
)

ROW: Final = Row(
    "Is it well?",
    [
        DESTINATIONS,
        ALERTS,
        timeline(
            "State",
            "The worst that any worker says of the destination. Gaps: no worker was there. "
            "*breaker*: the vendor is down, events wait. *limited*: it asked for a pause. *set-up*, *login*: it "
            "refuses the account, correct the secret. *reject guard*: it refuses everybody's events, undo the latest "
            "change. *slow start*: it comes back.",
            Query(state(), "{{destination}}"),
            STATES,
            runbooks=["SegmentRelaySetUpRefused", "SegmentRelayBreakerOpen", "SegmentRelayRejectGuard"],
            nothing="no worker",
        ),
        timeline(
            "What limits it",
            "The gravest thing that keeps a worker from going on. *buffer …*: the vendor is slower than the topic. "
            "*retry budget*: retries wait their turn. *concurrency*: the vendor takes no more at once. *rate*: its "
            "limit is spent evenly. *offset map*, "
            "*failing users*: mend what they fail with, or park them. *dead letters*, *commit*, *lease*: Kafka does "
            "not answer, see the brokers. *idle*: all is done.",
            Query(limit(), "{{destination}}"),
            LIMITS,
            runbooks=["SegmentRelayKafkaTakesNothing", "SegmentRelayFullOfFailingUsers"],
            nothing="no worker",
        ),
        lines(
            "Oldest event that waits",
            "Age of the oldest event that a worker has read and not settled. Over an hour: look at the state, then at "
            "the users failing. Compare it with the topic's retention: what is older than that is lost.",
            Query(f"max by (destination) ({of('oldest_pending_age_seconds')})", "{{destination}}"),
            unit="s",
            steps=((None, "green"), (HOUR, "red")),
            runbooks=["SegmentRelayOldestEventTooOld"],
        ),
        lines(
            "Settled without being given up",
            "1 less dead letters among what was settled; the objective is 99 %. Below it: see the reasons in *Not "
            "delivered* and *Dead letters*. A destination that stands gives nothing up: then there is no line.",
            Query(success("destination", SPAN), "{{destination}}"),
            unit="percentunit",
            steps=((None, "red"), (0.99, "green")),
            least=None,
            most=1,
            runbooks=["SegmentRelayDeliveryBudgetBurning", "SegmentRelayRejectsRising"],
        ),
        lines(
            "Workers, and partitions without one",
            "A worker that does not answer starts again and again, hangs, or cannot be reached. A partition without an "
            "owner is read by nobody, and neither lag nor age shows it: see whether all workers are up and in their "
            "group.",
            Query(f"sum by (job) ({process('up')})", "workers that answer, {{job}}"),
            Query(f"sum by (job) (1 - {process('up')})", "workers that do not, {{job}}"),
            Query(without_owner("job"), "partitions without owner, {{job}}"),
            unit="short",
            runbooks=["SegmentRelayWorkerDown", "SegmentRelayNoWorker", "SegmentRelayPartitionsWithoutOwner"],
        ),
    ],
)
STARTS: Final = (
    f"{PREFIX}build_info{{{WORKERS}}} * on (namespace, job, instance) group_left"
    f" {process('process_start_time_seconds')} * 1000"
)
