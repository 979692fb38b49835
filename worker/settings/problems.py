"""Mistakes in the set-up, for the person who can correct them: which setting, what was found, what is expected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from worker.settings.declared import Setting, written
from worker.settings.masking import without_misplaced

PREFIX = "SEGMENT_RELAY_"
Path = tuple[str, ...]


class SetupError(Exception):
    """The set-up is wrong, and only a person can correct it. Each of ``problems`` is one line, without any secret."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        heading = "1 mistake" if len(self.problems) == 1 else f"{len(self.problems)} mistakes"
        super().__init__("\n  ".join([f"{heading} in the set-up:", *self.problems]))


def dotted(path: Path) -> str:
    """As the settings file has it: ``destinations.wigzo.start_at``."""
    return ".".join(path)


def variable(path: Path) -> str:
    """As the environment has it: ``SEGMENT_RELAY_DESTINATIONS__WIGZO__START_AT``."""
    return PREFIX + "__".join(path).replace("-", "_").upper()


def spelled(path: Path) -> str:
    """Both spellings of one setting."""
    return f"{dotted(path)} ({variable(path)})"


def wrong(path: Path, found: str, expected: str) -> str:
    return f"{spelled(path)}: found {found}, expected {expected}"


def missing(path: Path, setting: Setting) -> str:
    files = f" (or {dotted((*path[:-1], path[-1] + '_file'))})" if setting.secret else ""
    return wrong(path, "nothing", setting.expects + files)


def unknown(path: Path, known: Iterable[Path]) -> str:
    """Somebody's spelling of a setting that does not exist; its value is not shown, it may be a secret."""
    names = list(known)
    return f"{spelled(path)}: there is no such setting; {_hint(path, names)}"


def _hint(path: Path, known: list[Path]) -> str:
    same_name = [dotted(other) for other in known if other[-1] == path[-1]]
    near = get_close_matches(dotted(path), same_name, n=1, cutoff=0.5) or get_close_matches(
        dotted(path), [dotted(other) for other in known], n=1, cutoff=0.75
    )
    if near:
        return f"did you mean {near[0]}?"
    beside = sorted(other[-1] for other in known if other[:-1] == path[:-1]) or sorted({other[0] for other in known})
    return f"there are {', '.join(beside)}"


def of_table(
    error: ValidationError, table: Path, settings: Mapping[str, Setting], given: Mapping[str, Any]
) -> list[str]:
    """One line for each setting of a table that pydantic refused."""
    names = dict.fromkeys(str(part["loc"][0]) for part in error.errors(include_url=False, include_context=False))
    return [refused((*table, name), settings[name], given) for name in names]


def refused(path: Path, setting: Setting, given: Mapping[str, Any]) -> str:
    """One setting whose value (or absence) is refused."""
    if setting.name not in given:
        return missing(path, setting)
    value = given[setting.name]
    if value in ("", None):
        return missing(path, setting)
    found = "something else (a secret is not shown)" if setting.secret else without_misplaced(written(value))
    return wrong(path, found, setting.expects)
