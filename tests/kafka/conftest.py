"""Apache Kafka with TLS and passwords, for the tests of how it is reached."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from worker.sandbox.brokers import Cluster, apache

USER = "relay"
PASSWORD = "made-up"


@dataclass(frozen=True, slots=True)
class Secured:
    cluster: Cluster
    ca_file: str
    foreign_ca_file: str


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """One node that also listens with TLS, and with TLS and SCRAM-SHA-512; its certificate says localhost."""
    folder = tmp_path_factory.mktemp("secured")
    keys = folder / "keys"
    keys.mkdir()
    _authority(keys, "ca")
    _authority(keys, "foreign")
    _server_certificate(keys)
    login = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    settings = {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(keys / "server-store.pem"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(keys / "ca.pem"),
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": login,
    }
    users = (f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]",)
    with apache(folder, settings=settings, listeners=("SSL", "SASL_SSL"), scram=users) as cluster:
        yield Secured(cluster, str(keys / "ca.pem"), str(keys / "foreign.pem"))


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(("openssl", *arguments), cwd=folder, check=True, capture_output=True)


def _authority(folder: Path, name: str) -> None:
    subject = ("-subj", f"/CN={name} of the tests", "-days", "30")
    _openssl(
        folder,
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        f"{name}.key",
        "-out",
        f"{name}.pem",
        *subject,
    )


def _server_certificate(folder: Path) -> None:
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1")
    request = ("-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
    _openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", *request)
    signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30", "-extfile", "names")
    _openssl(folder, "x509", "-req", "-in", "server.csr", "-out", "server.pem", *signed)
    store = (folder / "server.key").read_text() + (folder / "server.pem").read_text()
    (folder / "server-store.pem").write_text(store)
