"""A real Prometheus with the example's configuration, scraping workers of this machine as if they were pods."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import yaml

from tests.deploy import chart, tools
from tests.deploy.daemons import Daemon, daemon
from worker.sandbox.processes import LOCAL, free_port

T = TypeVar("T")
CONFIG: Final = Path("deploy/monitoring/prometheus.yml")
RULES: Final = chart.CHART / "files" / "rules.yaml"
PATIENCE: Final = 30.0  # seconds
PLAIN: Final = "plain"
Result: TypeAlias = list[dict[str, Any]]
Group: TypeAlias = dict[str, Sequence[str] | Mapping[str, str]]
# What kube-state-metrics says of the pods, where there is one.
LIMITS: Final = """\
groups:
  - name: kube-state-metrics
    rules:
      - record: kube_pod_container_resource_limits
        expr: vector(536870912)
        labels: {job: kube-state-metrics, namespace: growth, container: segment-relay, resource: memory, unit: byte}
"""


@dataclass(frozen=True, slots=True)
class Prometheus:
    """Its API."""

    url: str
    process: Daemon

    def query(self, expr: str) -> Result:
        """The series of an instant query, now."""
        found: Result = self._get("query", query=expr)["result"]
        return found

    def targets(self) -> Mapping[str, Any]:
        """Who is scraped, and who was found and dropped."""
        return self._get("targets")

    def rules(self) -> list[dict[str, Any]]:
        """Each rule of each group, with its health."""
        return [rule for group in self._get("rules")["groups"] for rule in group["rules"]]

    def until(self, reached: Callable[[], T], what: str, seconds: float = PATIENCE) -> T:
        """The first true value. Raises NotReady when the deadline passes."""
        found: list[T] = []

        def look() -> bool:
            found.append(reached())
            return bool(found[-1])

        self.process.wait_until(look, what, seconds)
        return found[-1]

    def is_ready(self) -> bool:
        """Whether it answers queries."""
        try:
            with urlopen(f"{self.url}/-/ready", timeout=5) as answer:  # noqa: S310  (the loopback's own)
                return bool(answer.status == 200)
        except URLError:
            return False

    def _get(self, what: str, **parameters: str) -> dict[str, Any]:
        url = f"{self.url}/api/v1/{what}?{urlencode(parameters)}"
        with urlopen(url, timeout=10) as answer:  # noqa: S310  (the loopback's own)
            said: dict[str, Any] = json.load(answer)
        assert said["status"] == "success", said
        found: dict[str, Any] = said["data"]
        return found


@contextmanager
def prometheus(folder: Path) -> Iterator[Prometheus]:
    """Until the end of the block. Whom it scrapes is said by :func:`discovered`, at any time."""
    port = free_port()
    discovered(folder, {})
    config = configuration(folder)
    command = (
        tools.prometheus(),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={LOCAL}:{port}",
        "--log.level=warn",
    )
    with daemon(*command, log=folder / "prometheus.log") as process:
        server = Prometheus(f"http://{LOCAL}:{port}", process)
        process.wait_until(server.is_ready, "Prometheus is ready", PATIENCE)
        yield server


def configuration(folder: Path) -> Path:
    """The example, but for two things: pods are read from a file that ``discovered`` writes, and each second is a turn.

    (Debian's Prometheus is built without the discovery of Kubernetes, and there is no cluster here. What the discovery
    would say stands in the file, so that all the rest is the example's.) A second job, ``PLAIN``, scrapes the same
    workers as outside Kubernetes: without namespaces and pods.
    """
    config = yaml.safe_load(CONFIG.read_text("utf-8"))
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    (folder / "limits.yaml").write_text(LIMITS, "utf-8")
    assert (CONFIG.parent / config["rule_files"][0]).resolve() == RULES.resolve()
    config["rule_files"] = [str(RULES.absolute()), str(folder / "limits.yaml")]
    (job,) = config["scrape_configs"]
    assert [{"role": "pod"}] == job.pop("kubernetes_sd_configs")
    job["file_sd_configs"] = [_listed(folder / "pods.json")]
    config["scrape_configs"].append({"job_name": PLAIN, "file_sd_configs": [_listed(folder / "plain.json")]})
    written = folder / "prometheus.yml"
    written.write_text(yaml.safe_dump(config), "utf-8")
    return written


def discovered(folder: Path, pods: Mapping[str, str]) -> None:
    """What the discovery finds from now on: the chart's pods by name, and where each listens; and strangers."""
    objects = chart.render()
    meta = {"__meta_kubernetes_namespace": chart.NAMESPACE, "__meta_kubernetes_pod_phase": "Running"}
    ours = {**meta, **_labels(chart.pod(objects)["metadata"]["labels"]), **_container(chart.container(objects))}
    groups = [_group(address, {**ours, "__meta_kubernetes_pod_name": name}) for name, address in pods.items()]
    stranger = {**ours, **_labels({"app.kubernetes.io/name": "another"}), "__meta_kubernetes_pod_name": "another-0"}
    ended = {**ours, "__meta_kubernetes_pod_phase": "Succeeded", "__meta_kubernetes_pod_name": "ended-0"}
    groups += [_group(f"{LOCAL}:1", stranger), _group(f"{LOCAL}:2", ended)]
    _write(folder / "pods.json", groups)
    _write(folder / "plain.json", [_group(address, {}) for address in pods.values()])


def _listed(file: Path) -> dict[str, Any]:
    return {"files": [str(file)], "refresh_interval": "1s"}


def _write(file: Path, groups: Sequence[Group]) -> None:
    # In one step: a file that is half written would be no JSON.
    half = file.with_suffix(".half")
    half.write_text(json.dumps(groups), "utf-8")
    half.replace(file)


def _labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Characters that a label's name may not have are underscores there."""
    return {
        "__meta_kubernetes_pod_label_" + "".join(one if one.isalnum() else "_" for one in name): value
        for name, value in labels.items()
    }


def _container(container: Mapping[str, Any]) -> dict[str, str]:
    (port,) = container["ports"]
    return {
        "__meta_kubernetes_pod_container_name": container["name"],
        "__meta_kubernetes_pod_container_port_name": port["name"],
    }


def _group(address: str, labels: Mapping[str, str]) -> Group:
    return {"targets": [address], "labels": labels}
