"""Kafka that does not let the worker in: it is told why, and nobody's password with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kafka.conftest import USER, Secured
from tests.whole.discretion.marks import Marks, traces
from tests.whole.worker import Worker, kafka, wigzo

pytestmark = pytest.mark.apache


@pytest.mark.parametrize("trusted", [True, False])
def test_a_refused_password_is_in_nothing_that_is_said(trusted: bool, secured: Secured, tmp_path: Path) -> None:
    marks = Marks()
    sign_in = {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_username": USER,
        "sasl_password": marks.odd("the password"),
        "ca_file": secured.ca_file if trusted else secured.foreign_ca_file,
    }
    tables = kafka([secured.cluster.address("SASL_SSL")], "events", "relay", **sign_in)
    options = {"start_timeout": 3, "log_level": "debug"}
    with Worker(tmp_path, tables, wigzo("http://127.0.0.1:1"), options=options) as worker:
        assert 75 == worker.ended()
    assert ("Traceback" in worker.text(), set()) == (False, traces(worker.text(), marks.words))
    assert ("password" if trusted else "certificate") in worker.text()
