"""The pods' template as the chart renders it, for Kafka and the vendors of this machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from tests.deploy.chart import Object, container, pod, render, the, workload
from tests.deploy.rollout.pods import ADMIN, Template
from tests.torture.kafka_cluster import PARTITIONS
from tests.torture.place import Place
from worker.sandbox.exchange import Destination

# Where the file is, and where /metrics is served, are the test's own.
OURS: Final = ("SEGMENT_RELAY_CONFIG", ADMIN)
MOUNT: Final = "/run/secrets/segment-relay"  # which the kubelet makes
ACCOUNT: Final = "account-token"
CONCURRENCY: Final = 64  # the stand-ins are one process


def a_release(place: Place, *more: Mapping[str, Any], replicas: int = 3) -> Template:
    """With the chart's own timings and environment; ``more`` are further values, of which later ones win."""
    (place.folder / ACCOUNT).write_text("NPS-5a4db0c1")
    found = template(render(values(place, replicas), *more))
    return replace(found, settings=found.settings.replace(MOUNT, str(place.folder)))


def values(place: Place, replicas: int) -> Mapping[str, Any]:
    """The least that must be said."""
    return {
        "partitions": PARTITIONS,
        "replicas": replicas,
        "secret": {"name": "segment-relay"},
        "config": {
            "kafka": {"bootstrap_servers": list(place.kafka.bootstrap), "topics": [place.topic], "group": place.group},
            "destinations": {name: _destination(place, name) for name in place.destinations},
        },
    }


def _destination(place: Place, name: Destination) -> Mapping[str, Any]:
    url, secret = place.vendors.url, f"{MOUNT}/{name}-secret"
    settings: Mapping[Destination, Mapping[str, str]] = {
        "wigzo": {"base_url": url, "org_token_file": secret},
        "wootric": {
            "api_url": url,
            "eligibility_url": url,
            "account_token_file": f"{MOUNT}/{ACCOUNT}",
            "client_id": "sandbox-client-id",
            "client_secret_file": secret,
        },
    }
    return {"mapping": name, "start_at": "earliest", "concurrency": CONCURRENCY, "settings": settings[name]}


def template(objects: Iterable[Object]) -> Template:
    """Of a StatefulSet or a Deployment."""
    objects = list(objects)
    spec, environment = workload(objects)["spec"], container(objects)["env"]
    return Template(
        settings=the(objects, "ConfigMap")["data"]["segment-relay.toml"],
        environment=lambda name: {each["name"]: _value(each, name) for each in environment if each["name"] not in OURS},
        name=workload(objects)["metadata"]["name"],
        replicas=spec["replicas"],
        grace=pod(objects)["spec"]["terminationGracePeriodSeconds"],
        min_ready=spec["minReadySeconds"],
    )


def _value(variable: Mapping[str, Any], name: str) -> str:
    if "value" in variable:
        return str(variable["value"])
    assert variable["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}, variable
    return name
