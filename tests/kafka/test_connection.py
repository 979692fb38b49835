"""Reaching Kafka: each way in which it fails has its own sentence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.kafka.conftest import PASSWORD, USER, Secured
from tests.kafka.doubles import Heard
from worker.adapters.connection import Connection, KafkaNotReached, explain, reach
from worker.sandbox.brokers import Broker
from worker.sandbox.processes import free_port


def why_not(connection: Connection, seconds: float = 1.5) -> str:
    log = Heard()
    with pytest.raises(KafkaNotReached) as raised:
        reach(connection, seconds, log)
    assert [("Kafka is not reached", {"why": str(raised.value).partition(": ")[2]})] == log.lines
    return str(raised.value).partition(": ")[2]


def logged_in(secured: Secured) -> Connection:
    address = secured.cluster.address("SASL_SSL")
    return Connection((address,), "SASL_SSL", "SCRAM-SHA-512", USER, PASSWORD, secured.ca_file)


def test_a_broker_that_answers_is_reached(embedded: Broker) -> None:
    log = Heard()
    reach(Connection(embedded.bootstrap), 5, log)
    assert log.lines == []


def test_a_closed_port_is_told() -> None:
    address = f"127.0.0.1:{free_port()}"
    assert why_not(Connection((address,))) == f"nothing listens at {address}"


def test_a_file_that_is_not_there_is_told_at_once() -> None:
    missing = Connection(("127.0.0.1:9",), "SSL", ca_file="/nowhere/ca.pem")
    with pytest.raises(KafkaNotReached, match=r"^Kafka cannot be reached: /nowhere/ca\.pem cannot be read$"):
        reach(missing, 60, Heard())


def test_a_password_is_in_no_repr() -> None:
    assert PASSWORD not in repr(Connection(("a:1",), sasl_username=USER, sasl_password=PASSWORD))


@pytest.mark.apache
def test_tls_and_a_password_let_in(secured: Secured) -> None:
    log = Heard()
    reach(logged_in(secured), 10, log)
    assert log.lines == []


@pytest.mark.apache
def test_a_wrong_password_is_told(secured: Secured) -> None:
    said = why_not(replace(logged_in(secured), sasl_password="wrong"), 4)
    address = secured.cluster.address("SASL_SSL")
    # Kafka may close the connection before its refusal is read: then the sentence is a little less sure.
    assert said in (
        f"{address} refuses the user name or the password (SCRAM-SHA-512)",
        f"{address} closes the connection at log-in, as for a wrong user name, password or mechanism (SCRAM-SHA-512)",
    )


@pytest.mark.apache
def test_an_untrusted_certificate_is_told(secured: Secured) -> None:
    address = secured.cluster.address("SASL_SSL")
    expected = (
        f"the certificate of {address} is not trusted (unable to get local issuer certificate): "
        "does ca_file name its authority?"
    )
    assert expected == why_not(replace(logged_in(secured), ca_file=secured.foreign_ca_file))


@pytest.mark.apache
def test_speaking_plainly_to_a_tls_listener_is_told(secured: Secured) -> None:
    address = secured.cluster.address("SSL")
    expected = f"{address} closes the connection at once: is it a TLS listener (security_protocol)?"
    assert expected == why_not(Connection((address,)))


@pytest.mark.apache
def test_speaking_tls_to_a_plain_listener_is_told(secured: Secured) -> None:
    (address,) = secured.cluster.bootstrap
    expected = f"TLS with {address} failed (UNEXPECTED_EOF_WHILE_READING): is it a TLS listener (security_protocol)?"
    assert expected == why_not(Connection((address,), "SSL", ca_file=secured.ca_file))


def test_what_is_most_telling_is_said_whatever_came_last() -> None:
    from kafka.errors import KafkaConnectionError, SaslAuthenticationFailedError

    errors = [SaslAuthenticationFailedError("no"), KafkaConnectionError("socket disconnected")]
    connection = Connection(("a:1",), "SASL_SSL", "PLAIN")
    assert explain(connection, errors) == "a:1 refuses the user name or the password (PLAIN)"
