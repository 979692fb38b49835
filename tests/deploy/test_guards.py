"""What cannot work is refused before anything is installed, in a sentence that says what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pytest

from tests.deploy.chart import CHART, MINIMAL, refusal, render

MOUNT: Final = "/run/secrets/segment-relay"
TOKEN: Final = f"{MOUNT}/wigzo-org-token"
Overlay = Mapping[str, Any]

pytestmark = pytest.mark.needs("helm")


def kafka(**settings: object) -> Overlay:
    return {"config": {"kafka": settings}}


def worker(**settings: object) -> Overlay:
    return {"config": {"worker": settings}}


def wigzo(**settings: object) -> Overlay:
    return {"config": {"destinations": {"wigzo": settings}}}


def shop(**settings: object) -> Overlay:
    """A destination that MINIMAL does not have."""
    return {"config": {"destinations": {"shop": settings}}}


def keda(prometheus: Overlay, **more: object) -> Overlay:
    return {"autoscaling": {"mode": "keda", "keda": {"prometheus": prometheus}}, **more}


def both(*overlays: Overlay) -> Overlay:
    """One over the other, `config` by its tables."""
    merged: dict[str, Any] = {"config": {}}
    for overlay in overlays:
        merged = {**merged, **overlay, "config": {**merged["config"], **overlay.get("config", {})}}
    return merged


@dataclass(frozen=True, slots=True)
class Guard:
    """What is wrong, what the chart says of it, and what is just right instead."""

    wrong: Overlay
    says: str
    right: Overlay


# MINIMAL has 12 partitions, a drain of 45 s, a grace of 75 s and a session of 90 s.
GUARDS: Final = {
    "partitions that nobody has told": Guard(
        {"partitions": 0},
        "partitions is not set: say how many partitions the topics in config.kafka.topics have together.",
        {"partitions": 2},
    ),
    "more workers than partitions": Guard(
        {"replicas": 13},
        "replicas (13) is more than partitions (12): a worker without a partition only waits. Lower replicas, or "
        "correct partitions.",
        {"replicas": 12},
    ),
    "more workers than partitions when scaled up": Guard(
        {"autoscaling": {"mode": "hpa", "maxReplicas": 13}},
        "autoscaling.maxReplicas (13) is more than partitions (12): a worker without a partition only waits. Lower it, "
        "or correct partitions.",
        {"autoscaling": {"mode": "hpa", "maxReplicas": 12}, "replicas": 99},
    ),
    "more workers at least than at most": Guard(
        {"autoscaling": {"mode": "keda", "minReplicas": 5, "maxReplicas": 4}},
        "autoscaling.minReplicas (5) is more than autoscaling.maxReplicas (4; 0 means partitions): lower the one or "
        "raise the other.",
        {"autoscaling": {"mode": "keda", "minReplicas": 4, "maxReplicas": 4}},
    ),
    "a part of nothing": Guard(
        {"autoscaling": {"mode": "hpa"}, "resources": {"requests": {"cpu": None}}},
        "autoscaling.mode is hpa, but resources.requests.cpu is not set, which autoscaling.hpa.cpu is a part of: set "
        "it.",
        {"autoscaling": {"mode": "hpa"}, "resources": {"requests": {"cpu": 2}}},
    ),
    "a kill within the drain": Guard(
        {"terminationGracePeriodSeconds": 45},
        "terminationGracePeriodSeconds (45) is not more than config.worker.drain_timeout (45s): a worker would be "
        "killed while it finishes what is under way. Make it some 30 s more.",
        {"terminationGracePeriodSeconds": 46},
    ),
    "a session that a restart outlasts": Guard(
        kafka(session_timeout="74s"),
        "config.kafka.session_timeout (74s) is less than a restart may take, config.worker.drain_timeout (45s) and "
        "30 s for the new pod: every restart would move partitions. Raise it to 75s or more.",
        kafka(session_timeout=75),
    ),
    "the worker's own default of a session, which is shorter": Guard(
        kafka(session_timeout=None),
        "config.kafka.session_timeout (45s) is less than a restart may take",
        both(kafka(session_timeout=None), {"workload": "Deployment"}),
    ),
    "a Deployment whose killed workers are waited for": Guard(
        {"workload": "Deployment"},
        "config.kafka.session_timeout (90s) is too long for a Deployment: a worker that is killed comes back under "
        "another name, and its partitions stand still until the group has given it up. Lower it to 30s, and to no more "
        "than 45s.",
        both(kafka(session_timeout="45s"), {"workload": "Deployment"}),
    ),
    "a drain beyond the time between polls": Guard(
        kafka(max_poll_interval="45s"),
        "config.worker.drain_timeout (45s) is not less than config.kafka.max_poll_interval (45s): lower the one or "
        "raise the other.",
        kafka(max_poll_interval="45.5s"),
    ),
    "heartbeats too far apart": Guard(
        kafka(heartbeat_interval=30.1),
        "config.kafka.heartbeat_interval (30.1) is more than a third of config.kafka.session_timeout (90s): lower it.",
        kafka(heartbeat_interval=30),
    ),
    "a request that outlasts a third of the session": Guard(
        wigzo(request_timeout="30s1ms"),
        "config.destinations.wigzo.request_timeout (30s1ms) is more than a third of config.kafka.session_timeout "
        "(90s): lower the one or raise the other.",
        wigzo(request_timeout="30s"),
    ),
    "a request that outlasts the drain": Guard(
        both(wigzo(request_timeout="30s"), worker(drain_timeout="30s")),
        "config.destinations.wigzo.request_timeout (30s) is not less than config.worker.drain_timeout (30s): lower the "
        "one or raise the other.",
        both(wigzo(request_timeout="29s"), worker(drain_timeout="30s")),
    ),
    "less memory than buffers": Guard(
        wigzo(buffer_bytes="385MiB"),
        "resources.limits.memory (512Mi) is less than a worker may need, 128 MiB and the buffer_bytes of each "
        "destination (513Mi in all): raise the one or lower the others.",
        wigzo(buffer_bytes="384MiB"),
    ),
    "less memory than the buffer that nobody mentioned": Guard(
        {"resources": {"limits": {"memory": "191Mi"}}},
        "resources.limits.memory (191Mi) is less than a worker may need, 128 MiB and the buffer_bytes of each "
        "destination (192Mi in all): raise the one or lower the others.",
        {"resources": {"limits": {"memory": 201326592}}},
    ),
    "one instance id for all": Guard(
        kafka(instance_id="relay"),
        "config.kafka.instance_id is set, but each worker needs one of its own: leave it out, workload: StatefulSet "
        "gives them the pods' names.",
        {},
    ),
    "an address that no probe reaches": Guard(
        worker(admin_address="127.0.0.1:9404"),
        "config.worker.admin_address is set, but the probes and the metrics count on port 9404: leave it out.",
        {},
    ),
    "a destination without a mapping": Guard(
        shop(start_at="latest"),
        "config.destinations.shop.mapping is not set: wigzo, wootric, or that of another package in your image.",
        {},
    ),
    "a destination that does not say where it begins": Guard(
        shop(mapping="in-house"),
        'config.destinations.shop.start_at is not set: "latest", "earliest" (all that Kafka has: last year\'s events '
        'may mean last year\'s surveys) or a time like "2026-11-01T00:00:00Z".',
        shop(mapping="in-house", start_at="2026-11-01T00:00:00Z"),
    ),
    "a secret that nobody mounts": Guard(
        {"secret": {"name": ""}},
        f"config.destinations.wigzo.settings.org_token_file is {TOKEN}, but secret.name is not set: create a Secret "
        "with the key wigzo-org-token, and name it there.",
        {"secret": {"name": "another"}},
    ),
    "a secret's file elsewhere": Guard(
        wigzo(settings={"org_token_file": "/run/secrets/wigzo-org-token"}),
        "config.destinations.wigzo.settings.org_token_file is /run/secrets/wigzo-org-token, where nothing is: put it "
        f"into the Secret secret.name, and name it {MOUNT}/KEY.",
        wigzo(settings={"org_token_file": f"{MOUNT}/another"}),
    ),
    "a certificate elsewhere": Guard(
        kafka(cert_file="/etc/kafka/cert.pem"),
        "config.kafka.cert_file is /etc/kafka/cert.pem, where nothing is: put it into the Secret secret.name",
        kafka(cert_file=f"{MOUNT}/cert.pem"),
    ),
    "authorities that KEDA cannot read": Guard(
        both(kafka(security_protocol="SSL", ca_file="/etc/ssl/ca.pem"), keda({})),
        "config.kafka.ca_file (/etc/ssl/ca.pem) comes with the image, where KEDA cannot read it: put it into the "
        "Secret secret.name, or name a TriggerAuthentication of your own in autoscaling.keda.triggerAuthentication.",
        kafka(security_protocol="SSL", ca_file="/etc/ssl/ca.pem"),
    ),
    "series that nobody names": Guard(
        keda({"address": "http://prometheus.example:9090"}),
        "autoscaling.keda.prometheus.address is set, but not which series are this release's: set "
        "monitoring.podMonitor.enabled, or autoscaling.keda.prometheus.selector to what your Prometheus puts on them, "
        'like job="segment-relay".',
        keda({"address": "http://prometheus.example:9090", "selector": 'job="relay"'}),
    ),
    "nothing to scale by": Guard(
        both(wigzo(enabled=False), {"autoscaling": {"mode": "keda"}}),
        "autoscaling.mode is keda, but every destination is disabled, so there is nothing to scale by: set "
        "autoscaling.mode to none.",
        both(wigzo(enabled=False), {"autoscaling": {"mode": "hpa"}}),
    ),
}


@pytest.mark.parametrize("mistake", GUARDS)
def test_what_cannot_work_is_refused_with_what_to_do(mistake: str) -> None:
    guard = GUARDS[mistake]
    said = refusal(MINIMAL, guard.wrong)
    assert f"  - {guard.says}" in said
    assert 1 == said.count("  - ")


@pytest.mark.parametrize("mistake", GUARDS)
def test_what_is_just_right_is_taken(mistake: str) -> None:
    assert render(MINIMAL, GUARDS[mistake].right)


def test_without_any_values_everything_that_is_missing_is_told_at_once() -> None:
    said = refusal({})
    for missing in ("partitions", "config.kafka.bootstrap_servers", "config.kafka.topics"):
        assert f"  - {missing} is not set: " in said
    assert "  - config.destinations is empty: name at least one, with its mapping, start_at and settings." in said


def test_every_guard_has_its_case() -> None:
    told = (CHART / "templates" / "_mistakes.tpl").read_text("utf-8").splitlines()
    sentences = [line for line in told if re.match(r"[a-z{].* .*\.$", line)]
    # Three are told where nothing is given; of a session, memory and a file there are two cases.
    assert len(sentences) == len(GUARDS) + 3 - 3
