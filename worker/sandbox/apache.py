"""Apache Kafka itself, on this machine: the jars by Maven, then one Java process a node (KRaft, no ZooKeeper).

Needs Java 17 and Maven. The first start fetches about 45 jars (43 MB) into a cache of the user; later ones start in
some three seconds and take 160 MB each.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from worker.sandbox.processes import LOCAL, BrokerUnavailable, Server, free_port

VERSION = "4.4.0"
OLDEST_JAVA = 17

# slf4j-simple: the broker brings no logger of its own, and would be silent.
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>local</groupId><artifactId>broker</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{version}</version></dependency>
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
</dependencies></project>
"""

# The simplest collector and only the first compiler: the fastest start and the smallest memory.
JVM = (
    "-Xms96m",
    "-Xmx384m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-Djava.net.preferIPv4Stack=true",
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
)

NODE = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": (
        "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL,SASL_PLAINTEXT:SASL_PLAINTEXT"
    ),
    "num.partitions": "1",
    "offsets.topic.num.partitions": "5",  # fewer than the default 50: the first join is faster
    "transaction.state.log.num.partitions": "3",
    "share.coordinator.state.topic.num.partitions": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "log.segment.bytes": str(16 << 20),
    "log.index.size.max.bytes": str(1 << 20),
    "log.cleaner.dedupe.buffer.size": str(8 << 20),
    "log.cleaner.threads": "1",
    "num.network.threads": "2",
    "num.io.threads": "2",
    "background.threads": "2",
    # A killed node may come back once its registration has expired: 2 s instead of 9.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "500",
}


class Cluster:
    """Running nodes, numbered from 1."""

    def __init__(self, servers: Mapping[int, Server], listeners: Mapping[str, int]) -> None:
        self._servers = servers
        self._listeners = listeners

    @property
    def bootstrap(self) -> tuple[str, ...]:
        """Each node's address, without encryption."""
        return tuple(f"{LOCAL}:{server.port}" for server in self._servers.values())

    def address(self, listener: str) -> str:
        """Where a further listener of the first node is ("SSL", "SASL_SSL"), by the name in its certificate."""
        return f"localhost:{self._listeners[listener]}"

    def kill(self, node: int = 1) -> None:
        """SIGKILL one node."""
        self._servers[node].kill()

    def stop(self, node: int = 1) -> None:
        """Stop one node in peace."""
        self._servers[node].stop()

    def start(self, node: int = 1, timeout: float = 60.0) -> None:
        """Start a node that was stopped or killed, and wait until it serves."""
        self._servers[node].start()
        self._servers[node].wait_until_ready(timeout)


@contextmanager
def apache(
    folder: Path,
    nodes: int = 1,
    *,
    settings: Mapping[str, str] | None = None,
    listeners: Sequence[str] = (),
    scram: Sequence[str] = (),
    timeout: float = 60.0,
) -> Iterator[Cluster]:
    """Apache Kafka with its data in ``folder``, which must exist; what an earlier call left there is served again.

    ``settings`` are added to each node's server.properties; ``listeners`` are further ones of the first node
    ("SASL_SSL"); ``scram`` are users as Kafka's storage tool takes them ("SCRAM-SHA-512=[name=…,password=…]").
    Raises BrokerUnavailable where Java or Maven is missing, or Maven cannot fetch.
    """
    java = (_java(), *JVM, "-cp", f"{_jars()}/*")
    ports = {node: free_port() for node in range(1, nodes + 1)}
    further = {name: free_port() for name in listeners}
    common = {**NODE, **_replication(nodes), **_quorum(nodes), **(settings or {})}
    servers = {}
    for node, port in ports.items():
        home = folder.absolute() / f"node{node}"
        home.mkdir(exist_ok=True)
        properties = home / "server.properties"
        opened = {"PLAINTEXT": port, **(further if node == 1 else {})}
        _write(properties, {**common, **_identity(node, home, opened, common["controller.quorum.voters"])})
        servers[node] = Server((*java, "kafka.Kafka", str(properties)), port, home / "server.log")
    _format(java, [folder.absolute() / f"node{node}" / "server.properties" for node in ports], scram)
    try:
        for server in servers.values():
            server.start()
        for server in servers.values():
            server.wait_until_ready(timeout)
        yield Cluster(servers, further)
    finally:
        # All at once: the last node alone has no quorum for an orderly end and would wait long for one.
        for server in servers.values():
            server.ask_to_stop()
        for server in servers.values():
            server.stop()


def _replication(nodes: int) -> dict[str, str]:
    copies = min(3, nodes)
    in_sync = str(max(1, copies - 1))
    return {
        "default.replication.factor": str(copies),
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": str(copies),
        "transaction.state.log.replication.factor": str(copies),
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.replication.factor": str(copies),
        "share.coordinator.state.topic.min.isr": "1",
    }


def _quorum(nodes: int) -> dict[str, str]:
    voters = ",".join(f"{node}@{LOCAL}:{free_port()}" for node in range(1, nodes + 1))
    return {"controller.quorum.voters": voters}


def _identity(node: int, home: Path, opened: Mapping[str, int], voters: str) -> dict[str, str]:
    clients = ",".join(f"{name}://{LOCAL}:{port}" for name, port in opened.items())
    # By name for those that encrypt: a certificate says localhost.
    advertised = ",".join(
        f"{name}://{LOCAL if name == 'PLAINTEXT' else 'localhost'}:{port}" for name, port in opened.items()
    )
    controller = voters.split(",")[node - 1].partition("@")[2]
    return {
        "node.id": str(node),
        "log.dirs": str(home / "data"),
        "listeners": f"{clients},CONTROLLER://{controller}",
        "advertised.listeners": advertised,
    }


def _write(properties: Path, settings: Mapping[str, str]) -> None:
    properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))


def _format(java: Sequence[str], nodes: Sequence[Path], scram: Sequence[str]) -> None:
    # The tool takes a cluster id that begins with "-" for an option.
    cluster = "k" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]
    users = [part for user in scram for part in ("--add-scram", user)]
    for properties in nodes:
        if (properties.parent / "data" / "meta.properties").exists():
            continue  # of an earlier start, by another cluster id, which the tool would refuse
        tool = (*java, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(properties))
        done = subprocess.run((*tool, *users), capture_output=True, text=True, check=False)  # noqa: S603  (as above)
        if done.returncode:
            raise BrokerUnavailable(f"Kafka could not format its folder: {done.stdout}{done.stderr}"[-2000:])


def _java() -> str:
    home = os.environ.get("JAVA_HOME")
    found = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if found is None or not Path(found).exists():
        raise BrokerUnavailable(f"Apache Kafka needs Java {OLDEST_JAVA} or newer: install it, or set JAVA_HOME")
    said = subprocess.run((found, "-version"), capture_output=True, text=True, check=False).stderr  # noqa: S603
    version = re.search(r'version "(\d+)', said)
    if version is not None and int(version[1]) < OLDEST_JAVA:
        raise BrokerUnavailable(f"Apache Kafka needs Java {OLDEST_JAVA} or newer, but {found} is {version[1]}")
    return found


def _jars() -> Path:
    """The folder of the broker's jars, fetched by Maven unless it is there already."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "segment-relay"
    jars = cache / f"apache-kafka-{VERSION}"
    if not jars.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        _fetch(cache, jars)
    return jars


def _fetch(cache: Path, jars: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise BrokerUnavailable("Apache Kafka's jars come by Maven: install it (the command is mvn)")
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        (Path(folder) / "pom.xml").write_text(POM.format(version=VERSION))
        goal = ("dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory=jars")
        done = subprocess.run((maven, "-q", "-B", *goal), cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            raise BrokerUnavailable(f"Maven could not fetch Apache Kafka {VERSION}: {done.stdout[-1000:]}")
        try:
            (Path(folder) / "jars").rename(jars)  # in one step: another run may be doing the same
        except OSError:
            if not jars.is_dir():
                raise
