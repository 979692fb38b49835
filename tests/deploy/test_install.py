"""The chart on a cluster: install, rollout, eviction, refused and broken upgrades, rollback, uninstall.

Kubernetes itself is real up to the kubelet; pods are objects that start after half a second and drain for two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

from tests.deploy import tools
from tests.deploy.apiserver import ApiServer, must
from tests.deploy.controllers import controllers
from tests.deploy.daemons import until
from tests.deploy.release import CHART, Release, Rollout, ready, serving, watch

VALUES: Final = CHART / "ci" / "minimal-values.yaml"
REPLICAS: Final = 3
WORKERS: Final = f"replicas={REPLICAS}"
ANOTHER_SETTING: Final = "config.worker.commit_interval=250ms"
BROKEN: Final = r"podAnnotations.checks\.example/broken=yes"
SOON: Final = 60.0  # seconds, on a busy machine

pytestmark = pytest.mark.needs(
    "helm", "kubectl", "kube-apiserver", "etcd", "crds", "kube-controller-manager", "kube-scheduler", "kwok"
)


def installed(cluster: ApiServer, namespace: str, *options: str, helm: Path | None = None) -> Release:
    release = Release(cluster, cluster.namespace(namespace), VALUES, helm or tools.helm())
    must(release.install(WORKERS, *options))
    return release


@pytest.fixture(scope="module")
def cluster(api: ApiServer) -> Iterator[ApiServer]:
    with controllers(api):
        yield api


@pytest.fixture(scope="module")
def broken(cluster: ApiServer) -> Release:
    return installed(cluster, "broken")


@pytest.fixture(scope="module")
def rollout(cluster: ApiServer) -> Iterator[Future[tuple[list[str], Rollout]]]:
    """The pods' names, and their rollout: mostly waiting, so under way while other tests run."""
    release = installed(cluster, "rolled")

    def roll() -> tuple[list[str], Rollout]:
        until(release.rolled_out, "the install", SOON)
        before = identities(release)
        must(release.upgrade(WORKERS, ANOTHER_SETTING))
        return list(before), watch(release, before, timeout=120.0)

    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(roll)


@pytest.fixture(scope="module", autouse=True)
def ahead(broken: Release, rollout: object) -> None:
    """A worker counts as available when it has been ready for ten seconds: they pass while other tests run."""


def test_an_install_ends_with_every_worker_ready_and_spread_over_the_nodes(broken: Release) -> None:
    pods = broken.pods()
    assert [True] * REPLICAS == [ready(pod) for pod in pods]
    assert REPLICAS == len({pod["spec"]["nodeName"] for pod in pods})
    assert ["deployed"] == broken.history()


@pytest.mark.needs("helm3")
def test_helm_3_installs_and_upgrades_it_as_well(cluster: ApiServer) -> None:
    release = installed(cluster, "of-helm-3", helm=tools.helm3())
    before = identities(release)
    must(release.upgrade("replicas=4"))
    until(lambda: sum(serving(pod) for pod in release.pods()) == 4, "the fourth worker", SOON)
    assert before == {name: uid for name, uid in identities(release).items() if name in before}


def test_a_second_eviction_waits_until_the_first_worker_is_back(cluster: ApiServer) -> None:
    release = installed(cluster, "evicted")
    first, second, _ = sorted(identities(release))
    must(release.evict(first))
    refused = release.evict(second)
    assert refused.returncode != 0
    assert "Cannot evict pod as it would violate the pod's disruption budget." in refused.stderr
    until(lambda: release.evict(second).returncode == 0, "an eviction of the second", SOON)


def test_a_refused_upgrade_is_taken_back_whole(cluster: ApiServer) -> None:
    """The API server refuses the StatefulSet last: the budget and the Service have changed by then. A flag mends it."""
    release = installed(cluster, "refused", "fullnameOverride=relay-segment-relay")
    before = specifications(release)
    another = (WORKERS, "fullnameOverride=relay-segment-relay", "nameOverride=another")
    refused = release.upgrade(*another, flags=("--rollback-on-failure", "--timeout=60s"))
    assert refused.returncode != 0
    assert "field is immutable" in refused.stderr
    assert ["superseded", "failed", "deployed"] == release.history()
    assert before == specifications(release)


def test_an_upgrade_that_cannot_work_changes_nothing(broken: Release) -> None:
    before = specifications(broken)
    refused = broken.upgrade("replicas=13")
    assert refused.returncode != 0
    assert "replicas (13) is more than partitions (12)" in refused.stderr
    assert ["deployed"] == broken.history()
    assert before == specifications(broken)


def test_after_a_scaling_by_hand_an_upgrade_says_the_same_number_or_forces_its_own(cluster: ApiServer) -> None:
    """Helm 4 applies on the server, where the number is then another's: what the runbooks say rests on this."""
    release = installed(cluster, "scaled")
    must(release.scale(5))
    must(release.upgrade("replicas=5"))
    conflict = release.upgrade("replicas=4")
    assert conflict.returncode != 0
    assert 'conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas' in conflict.stderr
    must(release.upgrade("replicas=4", flags=("--force-conflicts",)))
    assert 4 == release.workload()["spec"]["replicas"]


def test_turning_autoscaling_on_takes_no_worker_away(cluster: ApiServer) -> None:
    """And an upgrade leaves the autoscaler's number alone."""
    release = installed(cluster, "autoscaled")
    before = identities(release)
    scaled = ("autoscaling.mode=hpa", "autoscaling.minReplicas=2")
    must(release.upgrade(*scaled))
    assert REPLICAS == release.workload()["spec"]["replicas"]
    assert before == identities(release)
    must(release.scale(5))
    must(release.upgrade(*scaled, ANOTHER_SETTING))
    assert 5 == release.workload()["spec"]["replicas"]


def test_an_uninstall_leaves_only_what_helm_test_made(cluster: ApiServer) -> None:
    release = installed(cluster, "uninstalled")
    must(release.test())
    must(release.uninstall())
    left = {"ConfigMap/kube-root-ca.crt", "Pod/relay-segment-relay-check", "ServiceAccount/default"}
    until(lambda: everything(release) <= left, "all of it gone", SOON)
    assert left == everything(release)


def test_a_broken_upgrade_stops_at_one_worker_and_a_rollback_mends_it(broken: Release) -> None:
    """Without deleting anything by hand: that is what podManagementPolicy Parallel is for."""
    until(broken.rolled_out, "the install", SOON)
    before = identities(broken)
    *others, last = sorted(before)
    must(broken.upgrade(WORKERS, BROKEN))
    until(lambda: pending(broken) == [last], "the first of the broken workers", SOON)
    must(broken.roll_back(1))
    until(lambda: sum(serving(pod) for pod in broken.pods()) == REPLICAS, "the rollback", SOON)
    after = identities(broken)
    assert {name: before[name] for name in others} == {name: after[name] for name in others}
    assert after[last] != before[last]
    assert ["superseded", "superseded", "deployed"] == broken.history()


def test_a_changed_setting_restarts_one_worker_at_a_time(
    rollout: Future[tuple[list[str], Rollout]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Never more members than replicas: a worker that drains is one, and its successor waits for its name."""
    names, seen = rollout.result()
    with capsys.disabled():
        print(f"\nrollout of {REPLICAS} workers: {seen.seconds:.0f} s; pods by polls: {dict(seen.members)}")
    assert sorted(names, reverse=True) == seen.renewed
    assert max(seen.members) == REPLICAS
    assert {0, 1} == set(seen.away)


def identities(release: Release) -> Mapping[str, str]:
    """Which pod bears each name."""
    return {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in release.pods()}


def pending(release: Release) -> list[str]:
    return [pod["metadata"]["name"] for pod in release.pods() if pod["status"]["phase"] == "Pending"]


def specifications(release: Release) -> Mapping[str, object]:
    """What its objects say, without what Kubernetes writes into them."""
    kinds = "statefulset,poddisruptionbudget,service,configmap,serviceaccount"
    return {f"{each['kind']}/{each['metadata']['name']}": said(each) for each in release.read(kinds)["items"]}


def said(each: Mapping[str, object]) -> Mapping[str, object]:
    return {part: each[part] for part in each if part not in {"metadata", "status"}}


def everything(release: Release) -> set[str]:
    """Each object of its namespace but for events."""
    listed = must(release.api.kubectl("api-resources", "--namespaced", "--verbs=list", "--output=name")).stdout.split()
    kinds = ",".join(kind for kind in listed if not kind.startswith("events"))
    return {f"{each['kind']}/{each['metadata']['name']}" for each in release.read(kinds)["items"]}
