"""The runbooks, read: their headings, links, queries and commands."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from tests.deploy.alerting import RUNBOOKS, alerts

INDEX: Final = RUNBOOKS / "README.md"

_FENCED = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`]+)`")
# At the beginning of a line of code, or behind `kubectl exec … --`, with variables or without.
_OURS = re.compile(r"(?:^|-- (?:env (?:\S+=\S+ )+)?)segment-relay (?!\()([a-z-].*?)(?: <.*| \|.*)?$", re.MULTILINE)


@cache
def pages() -> tuple[Path, ...]:
    """All but the index."""
    return tuple(sorted(file for file in RUNBOOKS.glob("*.md") if file != INDEX))


def of_alerts() -> tuple[Path, ...]:
    return tuple(page for page in pages() if page.stem.startswith("SegmentRelay"))


def procedures() -> tuple[Path, ...]:
    return tuple(page for page in pages() if page not in of_alerts())


def headings(page: Path) -> list[str]:
    return re.findall(r"^## (.+)$", page.read_text("utf-8"), re.MULTILINE)


def links(page: Path) -> list[str]:
    """Those that lead to a file."""
    return [link for link in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")) if "://" not in link]


def queries(page: Path) -> list[str]:
    """PromQL, one a line."""
    blocks = (inside for language, inside in _FENCED.findall(page.read_text("utf-8")) if language == "promql")
    return [line.strip() for block in blocks for line in block.splitlines()]


def commands(text: str) -> Iterator[list[str]]:
    """What stands behind `segment-relay` in code, word by word."""
    text = text.replace("```sh", "```sh\n").replace("    ", "")
    fenced = (line.strip() for _, inside in _FENCED.findall(text) for line in inside.splitlines())
    inline = (" ".join(span.split()) for span in _INLINE.findall(_FENCED.sub("", text)))
    for code in (*fenced, *inline):
        for command in _OURS.findall(code):
            yield command.split(" #")[0].split()


def sought(page: Path) -> Iterator[str]:
    """What a page looks for in the workers' log, each alternative of a pattern by itself."""
    for pattern in re.findall(r"kubectl logs .*\| grep (?:-E )?'\"?([^'\"]+)", page.read_text("utf-8")):
        for choices in itertools.product(*(part.split("|") for part in re.findall(r"\(([^)]*)\)", pattern))):
            chosen = iter(choices)
            yield from re.sub(r"\([^)]*\)", lambda _: next(chosen), pattern).split("|")  # noqa: B023  (used up at once)


def texts() -> dict[str, str]:
    """What an operator is told, by where: the pages, and the words of the alerts."""
    told = {page.name: page.read_text("utf-8") for page in (*pages(), INDEX)}
    return told | {f"{alert.name}'s description": alert.annotations["description"] for alert in alerts()}
