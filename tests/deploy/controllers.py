"""What makes an API server a cluster: its controllers, its scheduler, and kwok in place of kubelets.

Pods are objects here, and no process starts: a stand-in node reports them as started, ready and gone (stages.yaml).
Everything above the kubelet is Kubernetes itself: rollouts, budgets, evictions, quotas.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.deploy import tools
from tests.deploy.apiserver import ApiServer, must
from tests.deploy.daemons import daemon

STAGES = Path(__file__).with_name("stages.yaml")
NODES = 3
START = 60.0


@contextmanager
def controllers(api: ApiServer) -> Iterator[None]:
    """Run them until the end of the block; the nodes are ready, and there is room on them."""
    home, config = api.home, f"--kubeconfig={api.kubeconfig}"
    alone = ("--leader-elect=false", "--secure-port=0")
    accounts = f"--service-account-private-key-file={home}/accounts.key"
    manager = (tools.kube_controller_manager(), config, *alone, accounts, f"--root-ca-file={home}/ca.pem")
    with ExitStack() as running:
        running.enter_context(daemon(*manager, log=home / "kube-controller-manager.log"))
        running.enter_context(daemon(tools.kube_scheduler(), config, *alone, log=home / "kube-scheduler.log"))
        must(api.kubectl("create", "--filename=-", given=json.dumps(_nodes())))
        # The lease says that a node is still there: without one, its pods are evicted after 40 s.
        nodes = ("--manage-all-nodes", "--node-lease-duration-seconds=40", f"--config={STAGES.absolute()}")
        kwok = running.enter_context(daemon(tools.kwok(), config, *nodes, log=home / "kwok.log"))
        kwok.wait_until(lambda: _schedulable(api) == NODES, "nodes that are ready", START)
        yield


def _nodes() -> object:
    room = {"cpu": "8", "memory": "16Gi", "pods": "110", "ephemeral-storage": "50Gi"}
    nodes = [
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": f"node-{number}", "labels": {"topology.kubernetes.io/zone": f"zone-{number}"}},
            "status": {"allocatable": room, "capacity": room},
        }
        for number in range(NODES)
    ]
    return {"apiVersion": "v1", "kind": "List", "items": nodes}


def _schedulable(api: ApiServer) -> int:
    # Ready, and a controller has taken the taint of one that is not away.
    return sum(
        not node["spec"].get("taints")
        and any(each["type"] == "Ready" and each["status"] == "True" for each in node["status"].get("conditions", ()))
        for node in api.read("nodes")["items"]
    )
