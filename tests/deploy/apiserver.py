"""A Kubernetes API server of this machine: etcd and kube-apiserver on loopback, with the CRDs of both operators.

Without controllers it stores and refuses, and nothing else happens: enough for a server-side dry run. Its certificate,
keys and token are made for the run and end with it.
"""

from __future__ import annotations

import json
import os
import secrets
import ssl
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import trustme

from tests.deploy import tools
from tests.deploy.daemons import daemon, until
from worker.sandbox.processes import LOCAL, free_port

# The strictest Pod Security level: refuse such pods, and warn already of a workload that would make them.
RESTRICTED = tuple(f"pod-security.kubernetes.io/{mode}=restricted" for mode in ("enforce", "warn"))
# What the chart has kinds of.
CRDS = (
    "keda.sh_scaledobjects",
    "keda.sh_triggerauthentications",
    "monitoring.coreos.com_podmonitors",
    "monitoring.coreos.com_prometheusrules",
)
START = 60.0  # seconds; some three on an idle machine

Answer = subprocess.CompletedProcess[str]


@dataclass(frozen=True, slots=True)
class ApiServer:
    """kubectl and Helm speak to it; ``home`` holds their caches and the server's keys."""

    home: Path
    url: str
    token: str = field(repr=False)

    @property
    def kubeconfig(self) -> Path:
        """An administrator's."""
        return self.home / "kubeconfig"

    def kubectl(self, *arguments: str | Path, given: str | None = None) -> Answer:
        """Run kubectl, with ``given`` as its standard input."""
        return self.run(tools.kubectl(), *arguments, given=given)

    def read(self, *arguments: str) -> Any:
        """What ``kubectl get`` says, as parsed JSON."""
        return json.loads(must(self.kubectl("get", *arguments, "--output=json")).stdout)

    def namespace(self, name: str) -> str:
        """Make a namespace that enforces the level ``restricted``."""
        must(self.kubectl("create", "namespace", name))
        must(self.kubectl("label", "namespace", name, *RESTRICTED))
        return name

    def try_out(self, manifest: str, namespace: str) -> Answer:
        """Whether it would take these objects: nothing is stored; unknown fields and warnings are refusals."""
        strict = ("--dry-run=server", "--validate=strict", "--warnings-as-errors")
        return self.kubectl("apply", "--namespace", namespace, *strict, "--filename=-", given=manifest)

    def run(self, *command: str | Path, given: str | None = None) -> Answer:
        """Run kubectl, or a Helm."""
        environment = {"HOME": str(self.home), "KUBECONFIG": str(self.kubeconfig), "PATH": os.environ["PATH"]}
        return subprocess.run(
            command, input=given, capture_output=True, text=True, check=False, timeout=120, env=environment
        )


def must(answer: Answer) -> Answer:
    """The answer, unless the command failed."""
    assert answer.returncode == 0, f"{' '.join(map(str, answer.args))}\n{answer.stdout}{answer.stderr}"
    return answer


def manifest(objects: Sequence[Mapping[str, object]]) -> str:
    """For kubectl. (JSON: YAML's writers and readers do not agree on which words are booleans.)"""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})


@contextmanager
def api_server(home: Path) -> Iterator[ApiServer]:
    """A server that is ready, with the CRDs established. ``home`` must exist and be empty."""
    home = home.absolute()
    server = ApiServer(home, f"https://{LOCAL}:{free_port()}", secrets.token_hex(16))
    _keys(server)
    with ExitStack() as running:
        etcd = running.enter_context(daemon(*_etcd(home), log=home / "etcd.log"))
        etcd.wait_until((home / "etcd.sock").exists, "etcd", START)
        kube = running.enter_context(daemon(*_kube(server), log=home / "kube-apiserver.log"))
        kube.wait_until(lambda: _ready(server), "kube-apiserver", START)
        must(server.kubectl("create", *(f"--filename={tools.crds()}/{name}.yaml" for name in CRDS)))
        until(lambda: _established(server) == len(CRDS), "established CRDs", START)
        yield server


def _keys(server: ApiServer) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(server.home / "ca.pem")
    certificate = authority.issue_cert(LOCAL)
    certificate.cert_chain_pems[0].write_to_path(server.home / "server.pem")
    certificate.private_key_pem.write_to_path(server.home / "server.key")
    authority.issue_cert("accounts.example").private_key_pem.write_to_path(server.home / "accounts.key")
    (server.home / "tokens.csv").write_text(f"{server.token},admin,admin,system:masters\n", "utf-8")
    cluster = {"server": server.url, "certificate-authority": str(server.home / "ca.pem")}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "here", "cluster": cluster}],
        "users": [{"name": "admin", "user": {"token": server.token}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "admin"}}],
        "current-context": "here",
    }
    server.kubeconfig.write_text(json.dumps(config), "utf-8")


def _etcd(home: Path) -> Sequence[str | Path]:
    # Sockets in our own folder: etcd asks nobody for a password.
    clients, peers = f"unix://{home}/etcd.sock", f"unix://{home}/peers.sock"
    here = (f"--advertise-client-urls={clients}", f"--initial-advertise-peer-urls={peers}")
    listen = (f"--listen-client-urls={clients}", f"--listen-peer-urls={peers}")
    alone = ("--name=here", f"--initial-cluster=here={peers}", "--unsafe-no-fsync")
    return (tools.etcd(), f"--data-dir={home}/etcd", *listen, *here, *alone)


def _kube(server: ApiServer) -> Sequence[str | Path]:
    home = server.home
    return (
        tools.kube_apiserver(),
        f"--etcd-servers=unix://{home}/etcd.sock",
        f"--bind-address={LOCAL}",
        f"--advertise-address={LOCAL}",
        f"--secure-port={server.url.rpartition(':')[2]}",
        f"--tls-cert-file={home}/server.pem",
        f"--tls-private-key-file={home}/server.key",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={home}/accounts.key",
        f"--service-account-signing-key-file={home}/accounts.key",
        f"--token-auth-file={home}/tokens.csv",
        "--authorization-mode=RBAC",
        "--endpoint-reconciler-type=none",  # it has no address that a pod could reach
    )


def _ready(server: ApiServer) -> bool:
    request = Request(f"{server.url}/readyz", headers={"Authorization": f"Bearer {server.token}"})  # noqa: S310  (https)
    trusted = ssl.create_default_context(cafile=str(server.home / "ca.pem"))
    try:
        with urlopen(request, timeout=5, context=trusted):  # noqa: S310  (as above)
            return True
    except (URLError, OSError):
        return False


def _established(server: ApiServer) -> int:
    # Not `kubectl wait`: it fails on one that has no conditions yet.
    kinds = server.read("customresourcedefinitions")["items"]
    conditions = (each for kind in kinds for each in kind["status"].get("conditions") or ())
    return sum(each["type"] == "Established" and each["status"] == "True" for each in conditions)
