"""One installed release of the chart, as Helm and kubectl see it."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.deploy.apiserver import Answer, ApiServer, must
from tests.deploy.daemons import until

CHART = Path("deploy/helm/segment-relay")
NAME = "relay"
WORKLOAD = "relay-segment-relay"

Pod = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Release:
    """In a namespace of its own, by a ``helm``; ``values`` is the file that it was installed with."""

    api: ApiServer
    namespace: str
    values: Path
    helm: Path

    def install(self, *options: str) -> Answer:
        """And wait until all is ready."""
        return self._helm("install", NAME, CHART, *self._values(options), "--wait", "--timeout=60s")

    def upgrade(self, *options: str, flags: Sequence[str] = ()) -> Answer:
        """To the same values but for ``options``, "name=value" each; ``flags`` are Helm's."""
        return self._helm("upgrade", NAME, CHART, *self._values(options), *flags)

    def roll_back(self, revision: int) -> Answer:
        """To an earlier revision."""
        return self._helm("rollback", NAME, str(revision))

    def test(self) -> Answer:
        """Run the chart's own check."""
        return self._helm("test", NAME, "--timeout=60s")

    def uninstall(self) -> Answer:
        """All of it."""
        return self._helm("uninstall", NAME, "--wait", "--timeout=60s")

    def history(self) -> Sequence[str]:
        """The status of each revision, the first one first."""
        said = must(self._helm("history", NAME, "--output=json")).stdout
        return [revision["status"] for revision in json.loads(said)]

    def workload(self) -> dict[str, Any]:
        """Its StatefulSet."""
        return dict(self.read(f"statefulset/{WORKLOAD}"))

    def pods(self) -> Sequence[Pod]:
        """Those of its workers, terminating ones among them."""
        return list(self.read("pods", "--selector=app.kubernetes.io/component=worker")["items"])

    def scale(self, replicas: int) -> Answer:
        """By hand, behind Helm's back."""
        scaled = ("scale", f"statefulset/{WORKLOAD}", f"--replicas={replicas}")
        return self.api.kubectl("--namespace", self.namespace, *scaled)

    def evict(self, pod: str) -> Answer:
        """As the draining of a node does it."""
        metadata = {"name": pod, "namespace": self.namespace}
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
        address = f"/api/v1/namespaces/{self.namespace}/pods/{pod}/eviction"
        return self.api.kubectl("create", "--raw", address, "--filename=-", given=json.dumps(eviction))

    def read(self, *what: str) -> Any:
        """``kubectl get`` in its namespace."""
        return self.api.read("--namespace", self.namespace, *what)

    def rolled_out(self) -> bool:
        """Whether every worker is of the newest revision, and has been ready for long enough."""
        return _rolled_out(self.workload())

    def _helm(self, *arguments: str | Path) -> Answer:
        return self.api.run(self.helm, *arguments, "--namespace", self.namespace)

    def _values(self, options: Sequence[str]) -> Sequence[str | Path]:
        return ("--values", self.values, *(part for option in options for part in ("--set", option)))


def ready(pod: Pod) -> bool:
    """Whether the kubelet says so."""
    return any(each["type"] == "Ready" and each["status"] == "True" for each in pod["status"].get("conditions", ()))


def serving(pod: Pod) -> bool:
    """Whether it is ready, and not about to end."""
    return ready(pod) and "deletionTimestamp" not in pod["metadata"]


def _rolled_out(workload: Mapping[str, Any]) -> bool:
    status, replicas = workload["status"], workload["spec"]["replicas"]
    if status.get("observedGeneration") != workload["metadata"]["generation"]:
        return False
    revised = status.get("updateRevision") == status.get("currentRevision")
    return bool(revised and replicas == status.get("availableReplicas"))


@dataclass(frozen=True, slots=True)
class Rollout:
    """What was seen of one, poll by poll: how many pods there were, how many were away, and who was renewed in turn."""

    seconds: float
    members: Mapping[int, int]
    away: Mapping[int, int]
    renewed: Sequence[str]


def watch(release: Release, before: Mapping[str, str], timeout: float) -> Rollout:
    """Until it is over. ``before`` are the pods' identities by name. Raises NotReady after ``timeout`` seconds."""
    members, away, renewed = Counter[int](), Counter[int](), list[str]()
    began = time.monotonic()

    def over() -> bool:
        objects = release.read("statefulsets,pods")["items"]
        (workload,) = (each for each in objects if each["kind"] == "StatefulSet")
        pods = [each for each in objects if each["kind"] == "Pod"]
        members[len(pods)] += 1
        away[len(before) - sum(serving(pod) for pod in pods)] += 1
        named = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in pods}
        renewed.extend(name for name, uid in named.items() if uid != before[name] and name not in renewed)
        return _rolled_out(workload)

    until(over, "the rollout", timeout)
    return Rollout(time.monotonic() - began, members, away, renewed)
