"""The workers as processes."""

from __future__ import annotations

from typing import Final

from deploy.monitoring.dashboard.grafana import Query, Row, lines
from deploy.monitoring.dashboard.promql import PREFIX, WORKER, WORKERS, process

NAME: Final = "{{pod}} {{instance}}"
# Of kube-state-metrics, where there is one; its job is not ours.
MEMORY_LIMIT: Final = (
    'max by (namespace) (kube_pod_container_resource_limits{namespace=~"$namespace", container="segment-relay",'
    ' resource="memory"})'
)

ROW: Final = Row(
    "Process",
    [
        lines(
            "CPU",
            "Cores. A worker is one event loop: near 1 it is saturated, so run one more beside it (at most one a "
            "partition).",
            Query(
                f"sum by (namespace, {WORKER}) (rate({process('process_cpu_seconds_total')}[$__rate_interval]))", NAME
            ),
            unit="short",
            steps=((None, "green"), (0.9, "red")),
            runbooks=["SegmentRelayLagGrowing"],
        ),
        lines(
            "Memory",
            "Resident, and the container's limit (where kube-state-metrics is there). Bounded by buffer_bytes of each "
            "destination; near the limit: raise it, or lower buffer_bytes.",
            Query(f"max by (namespace, {WORKER}) ({process('process_resident_memory_bytes')})", NAME),
            Query(MEMORY_LIMIT, "limit {{namespace}}"),
            unit="bytes",
        ),
        lines(
            "Open files",
            "Share of what the process may have: connections, mostly. Rising without end: a leak, please report it.",
            Query(
                f"max by (namespace, {WORKER}) ({process('process_open_fds')} / {process('process_max_fds')})",
                NAME,
            ),
            unit="percentunit",
        ),
        lines(
            "Restarts",
            "Of a container in its pod, rollouts left out. Its exit code says whose fault it is: 2 the set-up, 70 the "
            "program or a hang, 75 Kafka was not reached, 137 memory. `kubectl logs --previous` has its last words.",
            Query(
                f"sum by (namespace, {WORKER}) (changes({process('process_start_time_seconds')}[$__rate_interval]))",
                NAME,
            ),
            unit="short",
            width=12,
            runbooks=["SegmentRelayRestartLoop"],
        ),
        lines(
            "Workers by version",
            "Two at a time is a rollout; two for long is one that is stuck.",
            Query(
                f"count by (version, python, build) ({PREFIX}build_info{{{WORKERS}}})",
                "{{version}} ({{build}}, Python {{python}})",
            ),
            unit="short",
            stacked=True,
            width=12,
        ),
    ],
)
