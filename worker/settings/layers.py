"""Where settings come from: the file, then the environment, then secret files; later ones win.

Between reading and checking, settings are a flat table of paths, so that each value keeps its own origin.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from worker.settings.problems import PREFIX, Path, SetupError, wrong

DESTINATIONS = "destinations"
EXPECTED = "a file with the secret"


@dataclass(frozen=True, slots=True)
class Given:
    """One value and where it was found, in words ("relay.toml", "the environment")."""

    value: Any = field(repr=False)
    origin: str


Layer = dict[Path, Given]


def from_file(path: FilePath) -> Layer:
    """The settings of a TOML file. Raises ``SetupError`` where it cannot be read."""
    try:
        with path.open("rb") as file:
            tree = tomllib.load(file)
    except OSError as error:
        raise SetupError([f"{path}: this settings file cannot be read ({error.strerror})"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SetupError([f"{path}: this settings file is not TOML: {error}"]) from None
    return {leaf: Given(value, str(path)) for leaf, value in _leaves(tree)}


def _leaves(tree: Mapping[str, Any], above: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Each value below a table; an empty table counts as one, since it names a destination."""
    for name, value in tree.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, (*above, name))
        else:
            yield (*above, name), value


def from_environ(environ: Mapping[str, str]) -> Layer:
    """``SEGMENT_RELAY_<table>__<setting>``.

    Names without a double underscore are not ours: Kubernetes gives every pod such as ``SEGMENT_RELAY_PORT`` where a
    service is called segment-relay. An empty variable counts as absent: it is what an unset one becomes in templates.
    """
    return {
        _path(name): Given(value, name)
        for name, value in sorted(environ.items())
        if name.startswith(PREFIX) and "__" in name and value
    }


def _path(name: str) -> Path:
    parts = name.removeprefix(PREFIX).lower().split("__")
    if parts[0] == DESTINATIONS and len(parts) > 1:
        # A destination's name has hyphens, a variable's cannot.
        parts[1] = parts[1].replace("_", "-")
    return tuple(parts)


def table(layer: Layer, path: Path) -> dict[str, Any]:
    """The values directly in one table, by name."""
    return {leaf[-1]: given.value for leaf, given in layer.items() if leaf[:-1] == path}


def from_secret_files(layer: Layer, table: Path, secrets: Iterable[str]) -> tuple[Layer, list[str]]:
    """The secrets of one table that are in files (``<secret>_file``), and what is wrong with the files."""
    found: Layer = {}
    problems: list[str] = []
    for secret in secrets:
        named = (*table, f"{secret}_file")
        if named in layer:
            file = str(layer[named].value)
            try:
                found[*table, secret] = Given(read_secret(named, file), f"secret file {file}")
            except SetupError as error:
                problems += error.problems
    return found, problems


def read_secret(path: Path, file: str) -> str:
    """The secret in a file, without the line end that editors add. Raises ``SetupError``.

    ``path`` is the setting that names the file ("kafka", "sasl_password_file").
    """
    try:
        secret = FilePath(file).read_text("utf-8").rstrip("\r\n")
    except OSError as error:
        raise SetupError([wrong(path, f"{file} ({error.strerror})", EXPECTED)]) from None
    except UnicodeDecodeError:
        raise SetupError([wrong(path, f"{file} (not UTF-8 text)", EXPECTED)]) from None
    if not secret:
        raise SetupError([wrong(path, f"{file} (empty)", EXPECTED)])
    return secret
