"""Forms as Rails reads them: ``properties[plan]=pro&emails[]=a&emails[]=b`` is a tree.

Stricter than Rails, so that what a real server would quietly misread is seen: a field twice, a bracket within a name
and a name that is both a value and a parent are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl

from worker.sandbox.exchange import Pairs

Tree: TypeAlias = dict[str, Any]
# Says what is wrong with a value ("must be a number"), or nothing.
Check: TypeAlias = Callable[[Any], str]

_NAME: Final = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)", re.DOTALL)
_STEP: Final = re.compile(r"\[([^\[\]]*)\]", re.DOTALL)


class BadForm(ValueError):  # noqa: N818  (the field's word for it)
    """A body or a query that cannot be read; the text says why without repeating a value."""


def pairs_of(body: bytes) -> Pairs:
    """The pairs of an urlencoded body. Raises :class:`BadForm`."""
    if not body:
        return []
    try:
        return parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError as error:
        raise BadForm("the body is not an urlencoded form") from error


def tree_of(pairs: Pairs) -> Tree:
    """The tree that bracketed names spell. Raises :class:`BadForm`."""
    root: Tree = {}
    for name, value in pairs:
        if (found := _NAME.fullmatch(name)) is None:
            raise BadForm("a field's name has a bracket out of place")
        _put(root, [found[1], *_STEP.findall(found[2])], value)
    return root


def _put(root: Tree, steps: list[str], value: str) -> None:
    if is_list := steps[-1] == "":
        steps = steps[:-1]
    *parents, last = steps
    node: Any = root
    for step in parents:
        node = node.setdefault(step, {})
        if not isinstance(node, dict):
            raise BadForm(f"{steps[0]} is both a value and a parent")
    if is_list:
        _append(node, last, value)
    elif last in node:
        raise BadForm(f"{steps[0]} is given twice")
    else:
        node[last] = value


def _append(node: Tree, name: str, value: str) -> None:
    members = node.setdefault(name, [])
    if not isinstance(members, list):
        raise BadForm(f"{name} is both a value and a list")
    members.append(value)


def flaws(tree: Tree, fields: Mapping[str, Check], required: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """Each field that is missing, unknown or wrong, and why."""
    missing = [(name, "is missing") for name in required if name not in tree]
    unknown = [(name, "is not a field of this call") for name in tree if name not in fields]
    wrong = [(name, why) for name, value in tree.items() if name in fields and (why := fields[name](value))]
    return missing + unknown + wrong
