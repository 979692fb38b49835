"""The image, run as a restricted pod runs it: process 1, uid 10001, no capabilities, nowhere to write."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from tests.deploy.container import UID, Container, said
from tests.deploy.image import Image
from tests.whole.events import EACH, USERS, a_crowd
from tests.whole.order import at_wigzo, at_wootric, faults_of
from tests.whole.topics import Topics
from tests.whole.vendors import vendors
from tests.whole.worker import kafka, wigzo, wootric
from worker.sandbox.brokers import Broker
from worker.sandbox.processes import free_port

pytestmark = pytest.mark.needs("buildah", "mmdebstrap", "bwrap", "root")

NOBODY = "127.0.0.1:1"  # no broker is there
ENOUGH = {
    "SEGMENT_RELAY_KAFKA__BOOTSTRAP_SERVERS": NOBODY,
    "SEGMENT_RELAY_KAFKA__TOPICS": "events",
    "SEGMENT_RELAY_DESTINATIONS__WIGZO__MAPPING": "wigzo",
    "SEGMENT_RELAY_DESTINATIONS__WIGZO__SETTINGS__ORG_TOKEN": "sandbox-org-token",
}
TOKEN = "/run/wigzo-org-token"
WITH_A_FILE = {
    **{name: value for name, value in ENOUGH.items() if not name.endswith("ORG_TOKEN")},
    "SEGMENT_RELAY_DESTINATIONS__WIGZO__SETTINGS__ORG_TOKEN_FILE": TOKEN,
}
CAPABILITIES = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
RIGHTS = ("Uid", "Gid", "Groups", "NoNewPrivs", *CAPABILITIES)


def answer(port: int, path: str) -> int:
    """The status of one request to an address that only a listener on all interfaces has; 0 where nobody answers."""
    try:
        with urlopen(f"http://127.0.0.2:{port}{path}", timeout=5) as found:
            return int(found.status)
    except HTTPError as refused:
        return refused.code
    except OSError:
        return 0


def status(process: int) -> dict[str, list[str]]:
    lines = Path(f"/proc/{process}/status").read_text("utf-8").splitlines()
    return {name: value.split() for name, _, value in (line.partition(":") for line in lines)}


def handles(process: int, number: signal.Signals) -> bool:
    return bool(int(status(process)["SigCgt"][0], 16) & 1 << (number - 1))


def test_what_runs_is_the_compiled_build(image: Image) -> None:
    """Asked of its Python, not of the worker."""
    asked = "import mappings.wigzo.flow, worker.core.lane, worker.runner, sys; " + "".join(
        f"print(sys.modules[{name!r}].__file__); "
        for name in ("mappings.wigzo.flow", "worker.core.lane", "worker.runner")
    )
    loaded = said(image, "-c", asked, entry=("/opt/venv/bin/python3",)).stdout.split()
    assert [".so"] * 3 == [Path(name).suffix for name in loaded]


def test_it_tells_its_version_and_its_build(image: Image) -> None:
    done = said(image, "--version")
    assert (0, f"segment-relay {version('segment-relay')} (compiled)\n") == (done.returncode, done.stdout)


def test_its_probes_are_served_to_other_machines(image: Image) -> None:
    lines = said(image, "config", environment=ENOUGH).stdout.splitlines()
    (told,) = (line for line in lines if "admin_address" in line)
    assert "0.0.0.0:9404" in told
    assert "SEGMENT_RELAY_WORKER__ADMIN_ADDRESS" in told


def test_a_mistake_in_the_set_up_ends_it_with_2_and_a_sentence(image: Image) -> None:
    """Without arguments it is the worker that runs."""
    done = said(image)
    assert (2, "") == (done.returncode, done.stdout)
    assert "kafka.bootstrap_servers (SEGMENT_RELAY_KAFKA__BOOTSTRAP_SERVERS): found nothing" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def mounted_token(tmp_path: Path) -> Path:
    """A secret's file as the chart mounts it: root's, and readable for the group of `fsGroup`."""
    token = tmp_path / "token"
    token.write_text("sandbox-org-token", encoding="utf-8")
    os.chown(token, 0, int(UID))
    token.chmod(0o440)
    return token


def test_it_reads_a_mounted_secret_by_its_group(image: Image, mounted_token: Path) -> None:
    done = said(image, "config", environment=WITH_A_FILE, files={TOKEN: mounted_token})
    assert 0 == done.returncode, done.stderr
    assert f"secret file {TOKEN}" in done.stdout


def test_a_secret_that_it_may_not_read_is_named(image: Image, mounted_token: Path) -> None:
    """What a pod without `fsGroup` sees."""
    mounted_token.chmod(0o400)
    done = said(image, "config", environment=WITH_A_FILE, files={TOKEN: mounted_token})
    assert 2 == done.returncode
    assert f"found {TOKEN} (Permission denied), expected a file with the secret" in done.stderr


def test_it_delivers_in_order_answers_its_probes_and_stops_when_told(
    image: Image, embedded: Broker, unique: Callable[[str], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    topics, port = Topics(embedded.bootstrap), free_port()
    topic, events = topics.create(unique("events")), a_crowd()
    topics.produce(topic, events)
    with vendors() as at:
        tables = (kafka(embedded.bootstrap, topic, unique("relay")), wigzo(at.url), wootric(at.url))
        with Container(image, tmp_path, *tables, admin=f"0.0.0.0:{port}") as worker:
            worker.until(lambda: answer(port, "/healthz") == 200, "/healthz")
            healthy = time.monotonic() - worker.began
            worker.until(lambda: answer(port, "/readyz") == 200, "/readyz")
            process = status(worker.first)
            worker.until_settled(len(events), "wigzo", "wootric")
            assert 0 == worker.stop()
            assert ["compiled"] == [line["build"] for line in worker.lines() if line["message"] == "started"]
            assert ["stopped"] == [line["message"] for line in worker.lines()][-1:]
        arrived = (at_wigzo(at.arrivals("wigzo")), at_wootric(at.arrivals("wootric")))
    assert [] == [fault for users in arrived for user in USERS for fault in faults_of(users[user], EACH)]
    assert "1" == process["NSpid"][-1]
    assert {
        "Uid": [UID] * 4,
        "Gid": [UID] * 4,
        "Groups": [],
        "NoNewPrivs": ["1"],
        **{name: [16 * "0"] for name in CAPABILITIES},
    } == {name: process[name] for name in RIGHTS}
    with capsys.disabled():
        print(f"\nThe image: {healthy:.1f} s from its start to /healthz")


def test_a_stop_is_heard_while_kafka_is_waited_for(image: Image, tmp_path: Path) -> None:
    with Container(image, tmp_path, kafka([NOBODY], "events", "relay"), wigzo("http://127.0.0.1:1")) as worker:
        worker.until(lambda: worker.said("Kafka is not reached"))
        assert 0 == worker.stop()


def test_a_stop_is_heard_before_anything_large_is_loaded(image: Image, tmp_path: Path) -> None:
    """What process 1 does not handle is thrown away by the kernel: the pod would live on until it is killed."""
    with Container(image, tmp_path, kafka([NOBODY], "events", "relay"), wigzo("http://127.0.0.1:1")) as worker:
        worker.until(lambda: "pydantic_core" in Path(f"/proc/{worker.first}/maps").read_text("utf-8"), "pydantic")
        assert handles(worker.first, signal.SIGTERM)
        assert worker.stop() in {0, 128 + signal.SIGTERM}, (
            "as any process; the worker's own handler may be there already"
        )
