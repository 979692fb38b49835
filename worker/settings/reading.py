"""One pass over everything that was given: what is right is kept, what is wrong is collected and told at once."""

from __future__ import annotations

import re
from typing import Any, TypeVar

from pydantic import ValidationError

from mappings.contract import Destination
from worker import destinations
from worker.settings import layers, problems
from worker.settings.account import Account
from worker.settings.declared import Setting, of_account, of_table
from worker.settings.layers import DESTINATIONS, Layer
from worker.settings.problems import Path, SetupError, dotted, wrong
from worker.settings.tables import SLUG, Table

T = TypeVar("T", bound=Table)
LONGEST_NAME = 60


class Reading:
    """``wrong`` has one line for each mistake so far."""

    def __init__(self, layer: Layer) -> None:
        self.layer = dict(layer)
        self.wrong: list[str] = []
        self._known: dict[Path, bool] = {}  # setting → offered in hints (a secret's file is not)
        self._unjudged: list[Path] = []  # tables whose settings nobody knows, since their mapping is not there

    def table(self, model: type[T], path: Path) -> T | None:
        """One of the worker's own tables; ``None`` where something in it is wrong."""
        settings = of_table(model)
        self._expect(path, settings)
        given = {name: value for name, value in layers.table(self.layer, path).items() if name in settings}
        try:
            return model.model_validate(given)
        except ValidationError as error:
            self.wrong += problems.of_table(error, path, settings, given)
            return None

    def _expect(self, path: Path, settings: dict[str, Setting]) -> None:
        """Read the table's secret files, and know its settings' names from now on."""
        secrets = [name for name, setting in settings.items() if setting.secret]
        self._known.update({(*path, name): True for name in settings})
        self._known.update({(*path, f"{name}_file"): False for name in secrets})
        found, unreadable = layers.from_secret_files(self.layer, path, secrets)
        self.layer.update(found)
        self.wrong += unreadable

    def names(self) -> list[str]:
        """The destinations that anything was said about."""
        names = sorted({leaf[1] for leaf in self.layer if leaf[0] == DESTINATIONS and len(leaf) > 1})
        if not names:
            self.wrong.append(f"{DESTINATIONS}: found none, expected a table [destinations.<name>] for each")
        for name in names:
            if not re.fullmatch(SLUG, name) or len(name) > LONGEST_NAME:
                expected = f"a name of lower-case letters, digits and hyphens, at most {LONGEST_NAME} long"
                self.wrong.append(f'{dotted((DESTINATIONS, name))}: found "{name}", expected {expected}')
        return names

    def mapping(self, path: Path) -> Destination[Any] | None:
        """The mapping that a destination names; ``None`` where there is none."""
        named = (*path, "mapping")
        given = self.layer.get(named)
        if given is None or not isinstance(given.value, str):
            self._unjudged.append((*path, "settings"))
            return None
        try:
            return destinations.load(given.value)
        except destinations.UnknownMapping as error:
            self.wrong.append(wrong(named, f'"{given.value}"', f"an installed mapping ({error})"))
            self._unjudged.append((*path, "settings"))
            return None

    def account(self, destination: Destination[Any], path: Path) -> tuple[Account, Any] | None:
        """The mapping's own settings, and what they were made from; ``None`` where something in them is wrong."""
        try:
            settings = of_account(destination.settings)
        except (NameError, TypeError) as error:
            self.wrong.append(f"{dotted(path)}: the mapping {destination.name} is broken: {error}")
            return None
        self._expect(path, settings)
        given = {name: value for name, value in layers.table(self.layer, path).items() if name in settings}
        files = {
            name: str(self.layer[named].value) for name in settings if (named := (*path, f"{name}_file")) in self.layer
        }
        account = Account(path, destination, given, files)
        try:
            made = account.build()
        except SetupError as error:
            self.wrong += error.problems
            return None
        return account, made

    def unknown(self) -> None:
        """Everything that nobody knows; called when all tables were read."""
        known = [path for path, offered in self._known.items() if offered]
        for path, given in sorted(self.layer.items()):
            judged = not any(path[: len(table)] == table for table in self._unjudged)
            if judged and path not in self._known and given.value != {}:
                self.wrong.append(problems.unknown(path, known))
