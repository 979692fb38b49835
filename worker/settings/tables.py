"""Every setting of the worker, once: name, type, default, one line of help.

The docs, ``segment-relay config`` and every message about a setting are made from it.
"""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from mappings.contract import EventType
from worker.settings.quantities import (
    Address,
    AdminAddress,
    Duration,
    Kind,
    Name,
    RateOf,
    ReadableFile,
    Server,
    Size,
    StartAt,
    listed,
    whole,
)

SLUG = r"[a-z0-9]+(-[a-z0-9]+)*"
A_NAME = Kind("a name of letters, digits, dots, hyphens and underscores")
AN_HTTP_URL = Kind('a URL like "http://proxy.example:3128"')
PATTERNS = Kind('a list of event names, where * stands for anything, like ["Order *"]')

Topics = Annotated[
    tuple[Name, ...],
    BeforeValidator(listed),
    Field(min_length=1),
    Kind('a list of topic names, like ["segment-events"]'),
]
Servers = Annotated[
    tuple[Server, ...],
    BeforeValidator(listed),
    Field(min_length=1),
    Kind('a list of hosts with ports, like ["kafka-1.example:9092"]'),
]
Patterns = Annotated[tuple[str, ...], BeforeValidator(listed), PATTERNS]
Count = Annotated[int, BeforeValidator(whole), Field(gt=0), Kind("a whole number above 0")]
CountOrOff = Annotated[
    Annotated[int, BeforeValidator(whole), Field(gt=0)] | Literal["off"], Kind('a whole number above 0, or "off"')
]

CountOrAuto = Annotated[
    Annotated[int, BeforeValidator(whole), Field(gt=0)] | Literal["auto"], Kind('a whole number above 0, or "auto"')
]


def http_url(url: SecretStr) -> SecretStr:
    """The URL, if it is one that a proxy can have."""
    parts = urlsplit(url.get_secret_value())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError
    return url


class Table(BaseModel):
    """One table of the settings file. Its values are final, and no error of pydantic's shows what was given."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class KafkaSettings(Table):
    """``[kafka]``"""

    bootstrap_servers: Servers = Field(description="Brokers to ask first; they name the others.")
    topics: Topics = Field(description="Topics that hold Segment events.")
    group: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}$"), A_NAME] = Field(
        default="segment-relay",
        description="What the names of consumer groups begin with; a dot and the destination's follow.",
    )
    instance_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,200}$"), A_NAME] | None = Field(
        default=None,
        description="Static membership: a name of this worker alone (the pod's). A restart then moves no partition.",
    )
    session_timeout: Duration = Field(
        default=45.0, description="Without a heartbeat for so long, a worker's partitions go to others."
    )
    heartbeat_interval: Duration = Field(default=3.0, description="Time between heartbeats.")
    max_poll_interval: Duration = Field(
        default=300.0, description="A worker that does not poll for so long leaves its group."
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="How brokers are spoken to."
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = Field(
        default=None, description="How the worker proves who it is, where security_protocol has SASL."
    )
    sasl_username: str | None = Field(default=None, min_length=1, description="Its name there.")
    sasl_password: SecretStr | None = Field(default=None, min_length=1, description="Its password there.")
    ca_file: ReadableFile | None = Field(
        default=None, description="Whom to trust (PEM); the system's authorities without it."
    )
    cert_file: ReadableFile | None = Field(
        default=None, description="The worker's own certificate (PEM), for mutual TLS."
    )
    key_file: ReadableFile | None = Field(
        default=None, description="The key of that certificate (PEM, without a password)."
    )
    create_topics: bool = Field(default=True, description="Create missing topics of dead letters and replays at start.")


class WorkerSettings(Table):
    """``[worker]``"""

    drain_timeout: Duration = Field(
        default=45.0,
        description="How long a stop or a rebalance waits for requests under way; less than the pod's grace.",
    )
    commit_interval: Duration = Field(default=0.5, description="Time between commits: what a crash may repeat.")
    start_timeout: Duration = Field(
        default=120.0, description="How long an unreachable Kafka is waited for at start (then exit 75)."
    )
    admin_address: AdminAddress = Field(
        default=Address("127.0.0.1", 9404),
        description="Where /metrics, /healthz and /readyz are served; port 0 takes a free one.",
    )
    log_format: Literal["auto", "json", "text"] = Field(
        default="auto", description="auto: text on a terminal, else JSON."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least that is logged."
    )


class DestinationTable(Table):
    """``[destinations.<name>]``, but for the mapping's own ``settings``."""

    mapping: Annotated[str, Field(min_length=1), Kind("the name of an installed mapping")] = Field(
        description="Whose API it is: the name of an installed mapping (wigzo, wootric, or another package's)."
    )
    enabled: bool = Field(
        default=True,
        description="false: nothing is sent, and its place in the topics is kept (a group that is empty for a week "
        "loses it).",
    )
    integration: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description="Its name in an event's integrations; without it, the mapping's own (Wigzo, Wootric)."
    )
    start_at: StartAt | None = Field(
        default=None,
        description="Where a partition without a commit begins. New destinations do not start without it: last year's "
        "events may mean last year's surveys. segment-relay check tells how many each would be.",
    )
    types: Annotated[frozenset[EventType], BeforeValidator(listed)] = Field(
        default=frozenset(), description="Types of events that are wanted; empty: all."
    )
    events_allowed: Patterns = Field(
        default=(), description="Names of tracks, pages and screens that are wanted; empty: all."
    )
    events_denied: Patterns = Field(default=(), description="Names of those that are not wanted, even if allowed.")
    consent_categories: Annotated[tuple[str, ...], BeforeValidator(listed), Kind("a list of consent categories")] = (
        Field((), description="An event whose consent for one of these is false is not sent.")
    )
    consent_required: bool = Field(default=False, description="Nor one that says nothing about one of them.")
    max_age: Duration | None = Field(
        default=None, description="Older events are skipped: nobody surveys about last month."
    )
    concurrency: CountOrAuto = Field(
        default="auto",
        description="Requests that may be open at once. auto: as many as the destination takes, found from its "
        "latency and refusals.",
    )
    max_concurrency: Count = Field(default=2_000, description="The most that auto may find.")
    rate: RateOf | None = Field(
        default=None,
        description="The vendor's published limit: so many requests of all workers together, spent evenly. Each takes "
        "its part by its partitions.",
    )
    connect_timeout: Duration = Field(default=3.0, description="How long a connection may take to open.")
    request_timeout: Duration = Field(
        default=10.0,
        description="How long a request may take in all; one that the other end has taken nothing of for half of it "
        "(on Linux) is given up sooner.",
    )
    first_byte_timeout: Duration | None = Field(
        default=None,
        description="How long the destination may be silent once a request is written; without it, as long as the "
        "request may take. What is given up may have been done: a short one sends more events twice.",
    )
    retry_window: Duration = Field(default=4 * 3600.0, description="A user's event that fails for so long is given up.")
    reject_guard: CountOrOff = Field(
        default=500,
        description="So many events of different users refused one after another hold the destination: a bad change "
        "is not to make dead letters of a whole topic.",
    )
    unknown_outcome: Literal["retry", "dead-letter"] = Field(
        default="retry",
        description="What becomes of a survey e-mail (a score, …) of which nobody knows whether it arrived.",
    )
    buffer_events: Count = Field(default=10_000, description="Events in memory, at most.")
    buffer_bytes: Size = Field(
        default=64 << 20,
        description="Memory for events, at most (a decoded one counts as 8 × its bytes, and 128 for each object and "
        "array in it; one whose turn is not near as its bytes, and 900).",
    )
    http_client: Literal["auto", "aiohttp"] = Field(
        default="auto",
        description="What carries the requests. Auto: the worker's own client, and aiohttp where there is a proxy.",
    )
    proxy: Annotated[SecretStr, AfterValidator(http_url), AN_HTTP_URL] | None = Field(
        default=None, description="An HTTP proxy for this destination; a secret, since it may hold a password."
    )
    ca_file: ReadableFile | None = Field(
        default=None, description="Whom to trust there (PEM); the system's authorities without it."
    )
