"""The settings file as JSON Schema, for whoever writes one with other tools: the Helm chart's values are made of it.

A secret is only there as the file that holds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import TypeAdapter

from mappings.contract import Destination
from worker.settings.declared import REQUIRED, Setting, kind, of_account, of_table
from worker.settings.quantities import A_DURATION, A_RATE, A_SIZE, A_START, A_URL, AN_ADDRESS
from worker.settings.reading import LONGEST_NAME
from worker.settings.tables import SLUG, DestinationTable, KafkaSettings, WorkerSettings

Schema = dict[str, Any]

# What pydantic cannot tell, since the worker reads the text itself.
WRITTEN: Final[Mapping[str, Schema]] = {
    A_DURATION.expects: {
        "type": ["number", "string"],
        "minimum": 0.001,
        "pattern": r"^ *([0-9.]+|([0-9]+(\.[0-9]+)? *(ms|s|m|h|d) *)+)$",
    },
    A_SIZE.expects: {"type": ["integer", "string"], "minimum": 1, "pattern": "^[0-9]+ *(B|KiB|MiB|GiB)?$"},
    A_RATE.expects: {"type": "string", "pattern": "^ *[0-9]*[1-9][0-9]* */ *(s|min|h) *$"},
    A_START.expects: {"type": "string", "pattern": "^(earliest|latest|[0-9]{4}-[0-9]{2}-[0-9]{2}.*)$"},
    AN_ADDRESS.expects: {"type": "string", "pattern": ":[0-9]+$"},
    A_URL.expects: {"type": "string", "pattern": "^https?://"},
}
# Of mappings that come in packages of their own, nobody here knows more.
ANYTHING: Final[Schema] = {"type": ["string", "number", "boolean", "array"]}


def of_settings(mappings: Iterable[tuple[str, Destination[Any]]]) -> Schema:
    """All of it; ``mappings`` are those whose own settings are known."""
    return _object(
        {
            "kafka": _table(of_table(KafkaSettings), required=False),
            "worker": _table(of_table(WorkerSettings)),
            "destinations": {
                "type": "object",
                "propertyNames": {"maxLength": LONGEST_NAME},
                "additionalProperties": False,
                "patternProperties": {f"^{SLUG}$": _destination(mappings)},
            },
        },
        required=("kafka", "worker", "destinations"),
    )


def _destination(mappings: Iterable[tuple[str, Destination[Any]]]) -> Schema:
    table = _table(of_table(DestinationTable), required=False)
    table["properties"]["settings"] = {"type": "object", "additionalProperties": ANYTHING}
    return {**table, "allOf": [_settings_of(name, destination) for name, destination in mappings]}


def _settings_of(name: str, destination: Destination[Any]) -> Schema:
    settings = {"settings": _table(of_account(destination.settings))}
    return {
        "if": {"properties": {"mapping": {"const": name}}, "required": ["mapping"]},
        "then": {"properties": settings, "required": ["settings"]},
    }


def _table(settings: Mapping[str, Setting], *, required: bool = True) -> Schema:
    named = {_name(setting): setting for setting in settings.values()}
    wanted = [name for name, setting in named.items() if setting.default is REQUIRED] if required else []
    return _object({name: _value(setting) for name, setting in named.items()}, wanted)


def _object(properties: Schema, required: Iterable[str] = ()) -> Schema:
    wanted = {"required": sorted(required)} if required else {}
    return {"type": "object", "additionalProperties": False, **wanted, "properties": properties}


def _name(setting: Setting) -> str:
    return f"{setting.name}_file" if setting.secret else setting.name


def _value(setting: Setting) -> Schema:
    if setting.secret:
        return {"description": f"A file with: {setting.help}", "type": "string", "minLength": 1}
    expects = kind(setting.annotation).expects
    found = WRITTEN.get(expects) or _present(TypeAdapter(setting.annotation).json_schema())
    return {"description": setting.help, **found}


def _present(schema: Schema) -> Schema:
    """Without the null that says "absent"; in words that everybody knows."""
    choices = [_plain(choice) for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
    return _plain(schema) if not choices else choices[0] if len(choices) == 1 else {"anyOf": choices}


def _plain(schema: Schema) -> Schema:
    """Behind a validator of our own, pydantic names a bound as it does itself, or as if it were a text's."""
    found = {name: value for name, value in schema.items() if name not in ("default", "format", "title")}
    if found.get("type") == "integer" and found.pop("gt", None) == 0:
        found["minimum"] = 1
    if found.get("type") == "array" and "minLength" in found:
        found["minItems"] = found.pop("minLength")
    return found
