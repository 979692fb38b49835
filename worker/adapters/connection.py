"""How Kafka is reached, and why it is not.

kafka-python reports a wrong password, an untrusted certificate and an absent broker alike (a timeout); what happened is
only in the log of ``kafka.net``. So :func:`reach` listens to that log and says it in a sentence.
"""

from __future__ import annotations

import logging
import os
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from kafka import KafkaAdminClient
from kafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    SaslAuthenticationFailedError,
    UnsupportedSaslMechanismError,
)
from kafka.net.compat import KafkaNetClient

Client = TypeVar("Client")

ATTEMPT_SECONDS = 4.0
MILLISECONDS = 1000


class Log(Protocol):
    """The part of a structlog logger that the adapters use: a sentence, and fields."""

    def info(self, event: str, **fields: Any) -> object: ...
    def warning(self, event: str, **fields: Any) -> object: ...
    def error(self, event: str, **fields: Any) -> object: ...


class KafkaNotReached(Exception):  # noqa: N818  (it tells of the world, not of a fault in the program)
    """No broker answered within the limit. Its text is a sentence that says why, as far as can be told."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Where Kafka is and how to be let in; ``[kafka]`` of the settings. Files are paths to PEM."""

    bootstrap_servers: tuple[str, ...]
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str | None = None
    sasl_username: str | None = None
    sasl_password: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    client_id: str = "segment-relay"

    def options(self) -> dict[str, Any]:
        """Keyword arguments for each of kafka-python's clients."""
        return {
            "bootstrap_servers": list(self.bootstrap_servers),
            "client_id": self.client_id,
            "security_protocol": self.security_protocol,
            "sasl_mechanism": self.sasl_mechanism,
            "sasl_plain_username": self.sasl_username,
            "sasl_plain_password": self.sasl_password,
            "ssl_cafile": self.ca_file,
            "ssl_certfile": self.cert_file,
            "ssl_keyfile": self.key_file,
            # The default of 30 s makes a recovery up to 30 s late.
            "reconnect_backoff_max_ms": 1000,
        }


def connected(client: Callable[..., Client], connection: Connection, seconds: float, **options: Any) -> Client:
    """One of kafka-python's clients, connected within ``seconds``. Raises KafkaError, ValueError.

    It never creates a topic by asking about it: kafka-python takes ``allow_auto_create_topics=False`` and does not pass
    it on to where it would count. Its constructor connects, and where that fails would leave its I/O thread running for
    ever.
    """
    made: list[KafkaNetClient] = []

    def make(**configs: Any) -> KafkaNetClient:
        network = KafkaNetClient(**configs)
        network.cluster.config["allow_auto_create_topics"] = False
        made.append(network)
        return network

    limit = int(seconds * MILLISECONDS)
    try:
        return client(**connection.options(), **options, bootstrap_timeout_ms=limit, kafka_client=make)
    except BaseException:
        for each in made:
            each.close()
        raise


def reach(connection: Connection, timeout: float, log: Log) -> None:
    """Wait until Kafka answers, for at most ``timeout`` seconds; one log line whenever the reason changes.

    Raises KafkaNotReached; at once where waiting cannot help (a file that is not there).
    """
    deadline = time.monotonic() + timeout
    said = ""
    while True:
        left = deadline - time.monotonic()
        why = _attempt(connection, max(0.1, min(ATTEMPT_SECONDS, left)))
        if why is None:
            return
        if why != said:
            log.warning("Kafka is not reached", why=why)
            said = why
        if time.monotonic() >= deadline:
            raise KafkaNotReached(f"Kafka was not reached within {timeout:g} s: {why}")


def _attempt(connection: Connection, seconds: float) -> str | None:
    """Nothing when a broker answered, else why not."""
    missing = [name for name in (connection.ca_file, connection.cert_file, connection.key_file) if not _readable(name)]
    if missing:
        raise KafkaNotReached(f"Kafka cannot be reached: {' and '.join(map(str, missing))} cannot be read")
    with _overheard() as heard:
        try:
            connected(KafkaAdminClient, connection, seconds).close()
        except KafkaTimeoutError:
            return explain(connection, heard)
        except (KafkaError, ValueError) as error:
            raise KafkaNotReached(f"Kafka cannot be reached: {error}") from error
    return None


def _readable(file: str | None) -> bool:
    return file is None or os.access(file, os.R_OK)


def explain(connection: Connection, errors: Sequence[BaseException]) -> str:
    """Why no connection came about, for people. The most telling of what was heard decides, not the last."""
    words = {"addresses": ", ".join(connection.bootstrap_servers), "mechanism": connection.sasl_mechanism}
    for kind, fragment, sentence in (*_SENTENCES, *(_CLOSED_SASL if connection.sasl_mechanism else _CLOSED)):
        for error in errors:
            if isinstance(error, kind) and fragment in str(error):
                return str(sentence.format(**words, detail=_detail(error)))
    return "no broker answered at {addresses}".format(**words)


# In this order: a broker that refuses a password has closed the connection, too.
_SENTENCES: tuple[tuple[type[BaseException], str, str], ...] = (
    (SaslAuthenticationFailedError, "", "{addresses} refuses the user name or the password ({mechanism})"),
    (UnsupportedSaslMechanismError, "", "{addresses} does not offer the SASL mechanism {mechanism}"),
    (
        ssl.SSLCertVerificationError,
        "",
        "the certificate of {addresses} is not trusted ({detail}): does ca_file name its authority?",
    ),
    (ssl.SSLError, "", "TLS with {addresses} failed ({detail}): is it a TLS listener (security_protocol)?"),
    (KafkaError, "ECONNREFUSED", "nothing listens at {addresses}"),
    (KafkaError, "DNS", "the name of {addresses} is not known (DNS)"),
)
# Kafka mostly closes the connection of a wrong user before its refusal is read.
_CLOSED_SASL = (
    (
        KafkaError,
        "disconnected",
        "{addresses} closes the connection at log-in, as for a wrong user name, password or mechanism ({mechanism})",
    ),
)
_CLOSED = (
    (
        KafkaError,
        "disconnected",
        "{addresses} closes the connection at once: is it a TLS listener (security_protocol)?",
    ),
    (KafkaError, "Bootstrap attempt", "{addresses} breaks off: does it want a user name (security_protocol)?"),
)


def _detail(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return str(error.verify_message)
    return str(getattr(error, "reason", None) or "no TLS")


@contextmanager
def _overheard() -> Iterator[list[BaseException]]:
    """What ``kafka.net`` logs meanwhile, as exceptions: those among its arguments, or else its words."""
    heard: list[BaseException] = []
    listener = _Listener(heard)
    logger = logging.getLogger("kafka.net")
    logger.addHandler(listener)
    try:
        yield heard
    finally:
        logger.removeHandler(listener)


class _Listener(logging.Handler):
    def __init__(self, heard: list[BaseException]) -> None:
        super().__init__(logging.WARNING)
        self._heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        arguments = record.args if isinstance(record.args, tuple) else ()
        errors = [argument for argument in arguments if isinstance(argument, BaseException)]
        for error in errors or [KafkaError(record.getMessage())]:
            self._heard.append(error)
            if error.__context__ is not None:  # TLS's own error is inside kafka-python's
                self._heard.append(error.__context__)
