"""Which exit code an end has."""

from __future__ import annotations

import pytest

from tests.kafka.doubles import Heard
from worker.adapters.connection import KafkaNotReached
from worker.adapters.refusals import Refused
from worker.config import SetupError
from worker.core.starts import NoStart
from worker.stopping import exit_code


def test_a_clean_stop_is_0_and_says_so() -> None:
    log = Heard()
    assert exit_code(None, log) == 0
    assert [("stopped", {})] == log.lines


def test_a_fault_of_the_program_is_70_and_is_told_with_its_kind() -> None:
    log, fault = Heard(), ZeroDivisionError("secret")
    assert exit_code(fault, log) == 70
    assert [("ended by an error", {"error": "ZeroDivisionError", "exc_info": fault})] == log.lines


@pytest.mark.parametrize("error", [NoStart(), Refused("no right to read")])
def test_what_the_set_up_is_to_blame_for_is_told_as_such(error: Exception) -> None:
    with pytest.raises(SetupError) as told:
        exit_code(error, Heard())
    assert [str(error)] == [*told.value.problems]


def test_a_kafka_that_was_not_reached_is_the_commands_to_tell() -> None:
    with pytest.raises(KafkaNotReached, match="away"):
        exit_code(KafkaNotReached("away"), Heard())
