"""The settings: read once at start, checked as a whole, final.

From the settings file (TOML), the environment (``SEGMENT_RELAY_…``) and secret files; later ones win.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, Literal

from mappings.contract import Destination
from worker.adapters.assignor import replay_topic
from worker.adapters.connection import Connection
from worker.core.policy import Policy
from worker.settings import checks, layers
from worker.settings.account import Account
from worker.settings.declared import REQUIRED, Setting, of_account, of_table
from worker.settings.layers import DESTINATIONS, Layer
from worker.settings.problems import Path as SettingPath
from worker.settings.problems import SetupError
from worker.settings.quantities import Address, Start
from worker.settings.reading import Reading
from worker.settings.tables import DestinationTable, KafkaSettings, WorkerSettings

NO_SETTING: Final = frozenset({"integration", "ready_users"})  # of a policy

__all__ = [
    "Address",
    "DestinationSettings",
    "KafkaSettings",
    "Settings",
    "SetupError",
    "Start",
    "WorkerSettings",
    "connection_of",
    "effective",
    "load",
    "policy_of",
    "reload_secrets",
    "secrets_of",
]


@dataclass(frozen=True, slots=True)
class DestinationSettings:
    """One configured destination. ``mapping_settings`` is the mapping's own dataclass. Durations are seconds."""

    name: str
    group: str
    destination: Destination[Any]
    mapping_settings: Any
    policy: Policy
    table: DestinationTable
    account: Account = field(repr=False)

    @property
    def dead_letters(self) -> str:
        """The topic of its dead letters."""
        return f"{self.group}.dead-letters"

    @property
    def replay(self) -> str:
        """The topic from which it takes dead letters once more."""
        return replay_topic(self.group)

    @property
    def start_at(self) -> Start | None:
        """Where a partition without a commit begins: a word or Unix seconds."""
        return self.table.start_at

    @property
    def connect_timeout(self) -> float:
        return self.table.connect_timeout

    @property
    def request_timeout(self) -> float:
        return self.table.request_timeout

    @property
    def first_byte_timeout(self) -> float | None:
        return self.table.first_byte_timeout

    @property
    def http_client(self) -> Literal["auto", "aiohttp"]:
        return self.table.http_client

    @property
    def proxy(self) -> str | None:
        """The proxy's URL: a secret, since it may hold a password."""
        return self.table.proxy.get_secret_value() if self.table.proxy else None

    @property
    def ca_file(self) -> Path | None:
        return self.table.ca_file


@dataclass(frozen=True, slots=True)
class Settings:
    """All of them. ``origins`` says where each given one was found; what is not there has its default."""

    kafka: KafkaSettings
    worker: WorkerSettings
    destinations: Mapping[str, DestinationSettings]
    origins: Mapping[SettingPath, str] = field(repr=False)


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """The settings, or ``SetupError`` with one line for each mistake."""
    file: Layer = layers.from_file(path) if path is not None else {}
    reading = Reading(file | layers.from_environ(environ))
    kafka = reading.table(KafkaSettings, ("kafka",))
    worker = reading.table(WorkerSettings, ("worker",))
    destinations = {name: _destination(reading, name, kafka, worker) for name in reading.names()}
    reading.unknown()
    if kafka:
        reading.wrong += checks.of_kafka(kafka)
    if kafka and worker:
        reading.wrong += checks.of_worker(kafka, worker)
    if reading.wrong or kafka is None or worker is None:
        raise SetupError(reading.wrong)
    origins = {path: given.origin for path, given in reading.layer.items()}
    return Settings(kafka, worker, {name: found for name, found in destinations.items() if found}, origins)


def _destination(
    reading: Reading, name: str, kafka: KafkaSettings | None, worker: WorkerSettings | None
) -> DestinationSettings | None:
    path = (DESTINATIONS, name)
    table = reading.table(DestinationTable, path)
    destination = reading.mapping(path)
    account = reading.account(destination, (*path, "settings")) if destination else None
    if table and kafka and worker:
        reading.wrong += checks.of_destination(path, table, kafka, worker)
    if not (table and kafka and destination and account):
        return None
    policy = policy_of(table, destination)
    return DestinationSettings(name, f"{kafka.group}.{name}", destination, account[1], policy, table, account[0])


def policy_of(table: DestinationTable, destination: Destination[Any]) -> Policy:
    """What the core needs to know of a destination's table."""
    same = {each.name: getattr(table, each.name) for each in fields(Policy) if each.name not in NO_SETTING}
    return Policy(integration=table.integration or destination.name, **same)


def connection_of(settings: Settings) -> Connection:
    """How Kafka is reached."""
    kafka = settings.kafka
    password = kafka.sasl_password
    return Connection(
        bootstrap_servers=kafka.bootstrap_servers,
        security_protocol=kafka.security_protocol,
        sasl_mechanism=kafka.sasl_mechanism,
        sasl_username=kafka.sasl_username,
        sasl_password=password.get_secret_value() if password else None,
        ca_file=_text(kafka.ca_file),
        cert_file=_text(kafka.cert_file),
        key_file=_text(kafka.key_file),
    )


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def reload_secrets(settings: Settings, name: str) -> Any:
    """The mapping settings of one destination, with what its secret files hold now.

    Asked for while the set-up is refused: somebody may have put a new token there. Raises ``SetupError`` where a file
    cannot be read just now; the old settings are good until then.
    """
    return settings.destinations[name].account.reread()


def secrets_of(settings: Settings) -> frozenset[str]:
    """Every secret, for the logs' last guard."""
    return frozenset(str(_plain(row.value)) for row in effective(settings) if row.setting.secret and row.value)


def _plain(value: Any) -> Any:
    return value.get_secret_value() if hasattr(value, "get_secret_value") else value


@dataclass(frozen=True, slots=True)
class Effective:
    """One setting as it counts: where it stands, what it is, where it came from."""

    path: SettingPath
    setting: Setting
    value: Any = field(repr=False)
    origin: str

    @property
    def shown(self) -> str:
        """Its value as its writer would write it, a secret masked."""
        return self.setting.show(self.value)


def effective(settings: Settings) -> Iterator[Effective]:
    """Every setting, in the order of the docs."""
    tables: list[tuple[SettingPath, Mapping[str, Setting], Any]] = [
        (("kafka",), of_table(KafkaSettings), settings.kafka),
        (("worker",), of_table(WorkerSettings), settings.worker),
    ]
    for name, found in settings.destinations.items():
        path: SettingPath = (DESTINATIONS, name)
        tables.append((path, of_table(DestinationTable), found.table))
        tables.append(((*path, "settings"), of_account(found.destination.settings), found.mapping_settings))
    for path, declared, values in tables:
        for name, setting in declared.items():
            origin = settings.origins.get((*path, name), "default" if setting.default is not REQUIRED else "")
            yield Effective((*path, name), setting, getattr(values, name), origin)
