"""A mapping's own settings: its dataclass, filled from ``[destinations.<name>.settings]``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from mappings.contract import Destination
from worker.settings.declared import REQUIRED, Setting, of_account
from worker.settings.layers import read_secret
from worker.settings.masking import without
from worker.settings.problems import Path, SetupError, dotted, missing, refused, spelled
from worker.settings.quantities import is_web_url


@dataclass(frozen=True, slots=True)
class Account:
    """What was given for one mapping's settings: enough to read its secret files again.

    ``files`` are the secrets that are in files: setting → file.
    """

    path: Path
    destination: Destination[Any]
    given: Mapping[str, Any] = field(repr=False)
    files: Mapping[str, str]

    def build(self) -> Any:
        """The mapping's settings. Raises ``SetupError`` with a line for each one that is wrong."""
        settings = of_account(self.destination.settings)
        problems: list[str] = []
        checked: dict[str, Any] = {}
        for name, setting in settings.items():
            if name not in self.given:
                absent = setting.default is REQUIRED and name not in self.files
                problems += [missing((*self.path, name), setting)] if absent else []
            elif (value := _checked(setting, self.given[name])) is None:
                problems.append(refused((*self.path, name), setting, self.given))
            else:
                checked[name] = value
        if problems or self.files.keys() - self.given.keys():  # a file without a secret was told where it was read
            raise SetupError(problems)
        return self._made(settings, checked)

    def _made(self, settings: Mapping[str, Setting], checked: Mapping[str, Any]) -> Any:
        try:
            made = self.destination.settings(**checked)
            hosts = self.destination.hosts(made)
        except ValueError as error:
            raise SetupError(self._told(self._without_secrets(str(error), settings), settings)) from None
        if not all(is_web_url(host) for host in hosts):
            raise SetupError([f"{dotted(self.path)}: an address of theirs is not a URL like https://api.example.com"])
        return made

    def _told(self, text: str, settings: Mapping[str, Setting]) -> list[str]:
        """The mapping's own words, one line for each setting that they begin with."""
        parts = text.split("; ")
        names = [part.replace(":", " ").split(maxsplit=1)[0] for part in parts if part.strip()]
        if len(names) == len(parts) and all(name in settings for name in names):
            return [f"{spelled((*self.path, name))}: {part}" for name, part in zip(names, parts, strict=True)]
        return [f"{dotted(self.path)}: {text}"]

    def _without_secrets(self, text: str, settings: Mapping[str, Setting]) -> str:
        return without(
            text, [str(self.given[name]) for name in settings if settings[name].secret and name in self.given]
        )

    def reread(self) -> Any:
        """The mapping's settings, with what its secret files hold now. Raises ``SetupError``."""
        now = {name: read_secret((*self.path, f"{name}_file"), file) for name, file in self.files.items()}
        return replace(self, given={**self.given, **now}).build()


def _checked(setting: Setting, value: Any) -> Any:
    """The value as the setting's type has it; ``None`` where it is none of that type."""
    if setting.secret and value == "":
        return None
    try:
        return TypeAdapter(setting.annotation).validate_python(value)
    except ValidationError:
        return None
