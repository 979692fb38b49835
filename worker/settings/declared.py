"""One declaration, many uses: what every table, ours or a mapping's, says about each of its settings."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import AfterValidator, BaseModel, BeforeValidator, SecretStr

from worker.settings.masking import SECRET
from worker.settings.quantities import A_URL, Kind, listed, web_url

COLLECTIONS: Final = (tuple, list, set, frozenset)
SCALARS: Final = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    SecretStr: "text",
    Path: "a path",
}


class Default(Enum):
    """What a setting without a default has."""

    NONE = "required"


REQUIRED: Final = Default.NONE


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. ``annotation`` is what pydantic checks; ``default`` is ``REQUIRED`` where there is none."""

    name: str
    annotation: Any
    help: str
    default: Any
    secret: bool

    @property
    def expects(self) -> str:
        return kind(self.annotation).expects

    @property
    def brief(self) -> str:
        """What is expected, for a table."""
        of = kind(self.annotation)
        return of.brief or of.expects

    def show(self, value: Any) -> str:
        """The value as its writer would write it; a secret's place only."""
        return SECRET if self.secret and value is not None else written(value, kind(self.annotation))


def of_table(table: type[BaseModel]) -> dict[str, Setting]:
    """The settings of one of the worker's own tables, by name."""
    hints = get_type_hints(table, include_extras=True)
    return {
        name: Setting(
            name,
            hints[name],
            help=field.description or "",
            default=REQUIRED if field.is_required() else field.default,
            secret=SecretStr in set(_types(hints[name])),
        )
        for name, field in table.model_fields.items()
    }


def of_account(account: type[Any]) -> dict[str, Setting]:
    """The settings of a mapping's dataclass, by name.

    Raises whatever its annotations raise that cannot be read: the mapping is broken then.
    """
    hints = get_type_hints(account, include_extras=True)
    return {
        field.name: Setting(
            field.name,
            _checked(field.name, hints[field.name]),
            help=field.metadata.get("help", ""),
            default=_default(field),
            secret=bool(field.metadata.get("secret")),
        )
        for field in dataclasses.fields(account)
        if field.init
    }


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    return REQUIRED if field.default_factory is dataclasses.MISSING else field.default_factory()


def _checked(name: str, annotation: Any) -> Any:
    """A mapping's annotation, and what the worker asks of it besides.

    An environment variable is text, so every collection may be given as one. A setting that is called ``…_url`` is one.
    """
    if name.endswith("url"):
        return Annotated[annotation, AfterValidator(_url_or_nothing), A_URL]
    if any(get_origin(part) in COLLECTIONS for part in (annotation, *_parts(annotation))):
        return Annotated[annotation, BeforeValidator(listed)]
    return annotation


def _url_or_nothing(value: str | None) -> str | None:
    return web_url(value) if value else value


def kind(annotation: Any) -> Kind:
    """What is expected of a value of this type, and how it is written."""
    return next((part for part in _types(annotation) if isinstance(part, Kind)), None) or Kind(_words(annotation))


def _types(annotation: Any) -> Iterator[Any]:
    """The annotation, its parts and what is said beside them."""
    yield annotation
    for part in _parts(annotation):
        yield from _types(part)


def _parts(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) in (Annotated, Union, types.UnionType):
        return get_args(annotation)
    return ()


def _words(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _words(arguments[0])
    if origin in (Union, types.UnionType):
        return " or ".join(_words(part) for part in arguments if part is not type(None))
    if origin is Literal:
        return " or ".join(f'"{choice}"' for choice in arguments)
    if origin in COLLECTIONS:
        return f"a list of {_words(arguments[0])}"
    return SCALARS.get(annotation, "a value")


def written(value: Any, of: Kind | None = None) -> str:
    """A value as TOML has it; an absent one as nothing."""
    if value is None:
        return ""
    if of is not None and of.show is not None:
        return quoted(of.show(value))
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case Mapping():
            return "a table"
        case tuple() | list() | set() | frozenset():
            parts = [written(part) for part in value]
            return f"[{', '.join(parts if isinstance(value, tuple | list) else sorted(parts))}]"
        case _:
            return quoted(str(value))


def quoted(text: str) -> str:
    """Text in TOML's double quotes."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
