"""The questions at start: a mistake ends it, and a broker that is going away does not."""

from __future__ import annotations

import subprocess
import sys

import pytest
import structlog
from kafka.errors import KafkaConnectionError, TopicAuthorizationFailedError
from structlog.testing import capture_logs

from worker.adapters.cluster import KafkaRefused
from worker.adapters.connection import Connection, KafkaNotReached
from worker.config import SetupError
from worker.sandbox.brokers import Broker
from worker.sandbox.processes import free_port
from worker.start import refuse

LOG = structlog.get_logger()


class Asked:
    """Problems that a question brings: an error that Kafka raises the first times, and nothing then."""

    def __init__(self, error: Exception, times: int) -> None:
        self._error = error
        self._left = times

    def __call__(self) -> list[str]:
        self._left -= 1
        if self._left >= 0:
            raise KafkaRefused("Kafka did not describe topics") from self._error
        return []


def test_who_is_told_to_stop_while_kafka_is_waited_for_ends_whatever_a_library_catches() -> None:
    program = (
        "import os, signal\n"
        "from worker.app import leave_at_once\n"
        "signal.signal(signal.SIGTERM, leave_at_once)\n"
        "try:\n    os.kill(os.getpid(), signal.SIGTERM)\nexcept BaseException:\n    print('caught')"
    )
    done = subprocess.run((sys.executable, "-c", program), capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, done.stdout)


def test_a_broker_that_goes_away_while_it_is_asked_is_asked_again(embedded: Broker) -> None:
    with capture_logs() as lines:
        refuse(Asked(KafkaConnectionError("closed"), 2), Connection(embedded.bootstrap), 30, LOG)
    assert ["Kafka cannot say just now whether all is ready"] * 2 == [line["event"] for line in lines]


def test_a_right_that_is_missing_is_a_mistake_in_the_set_up(embedded: Broker) -> None:
    asked = Asked(TopicAuthorizationFailedError(), 1)
    with pytest.raises(SetupError, match="Kafka did not describe topics"):
        refuse(asked, Connection(embedded.bootstrap), 30, LOG)


def test_a_broker_that_never_says_is_asked_until_the_time_is_over(embedded: Broker) -> None:
    with pytest.raises(KafkaNotReached, match="Kafka did not describe topics"):
        refuse(Asked(KafkaConnectionError("closed"), 9), Connection(embedded.bootstrap), 0.2, LOG)


def test_a_broker_that_does_not_come_back_was_not_reached(embedded: Broker) -> None:
    with pytest.raises(KafkaNotReached):
        refuse(Asked(KafkaConnectionError("closed"), 9), Connection((f"127.0.0.1:{free_port()}",)), 0.2, LOG)
