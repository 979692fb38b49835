"""Where each tool is. Raises ToolMissing, with what to install, where one is not there.

A test that runs one says so, ``@pytest.mark.needs("helm", "kubectl")``: where it is missing, the test is left out and
the run says so at its end; with ``CI=true`` that is a failure.
"""

from __future__ import annotations

from pathlib import Path

from deploy.checks.tools import ToolMissing, tools

__all__ = ["ToolMissing"]


def helm() -> Path:
    """Helm 4."""
    return tools()["helm"].find()


def helm3() -> Path:
    """Helm 3, which many still have."""
    return tools()["helm3"].find()


def kubectl() -> Path:
    """Of the newest supported Kubernetes."""
    return tools()["kubectl"].find()


def prometheus() -> Path:
    """The server."""
    return tools()["prometheus"].find()


def promtool() -> Path:
    """Checks rules and configurations, and runs unit tests of rules."""
    return tools()["promtool"].find()


def hadolint() -> Path:
    """The linter of Dockerfiles."""
    return tools()["hadolint"].find()


def yamllint() -> Path:
    """The linter of YAML."""
    return tools()["yamllint"].find()


def checkov() -> Path:
    """The linter of what a cluster's policies ask for."""
    return tools()["checkov"].find()


def buildah() -> Path:
    """Builds images without a daemon."""
    return tools()["buildah"].find()


def mmdebstrap() -> Path:
    """Makes a Debian root file system: the stand-in for the base image."""
    return tools()["mmdebstrap"].find()


def bwrap() -> Path:
    """Runs a command in namespaces of its own: a container without an engine."""
    return tools()["bwrap"].find()


def etcd() -> Path:
    """What the API server keeps its objects in."""
    return tools()["etcd"].find()


def kube_apiserver() -> Path:
    """A current Kubernetes API server."""
    return tools()["kube-apiserver"].find()


def kube_controller_manager() -> Path:
    """The controllers of StatefulSets, budgets, service accounts …"""
    return tools()["kube-controller-manager"].find()


def kube_scheduler() -> Path:
    """Binds pods to nodes."""
    return tools()["kube-scheduler"].find()


def kwok() -> Path:
    """Stands in for kubelets."""
    return tools()["kwok"].find()


def crds() -> Path:
    """The folder of the CRDs of KEDA and prometheus-operator, as their generator writes them."""
    return tools()["crds"].find()
