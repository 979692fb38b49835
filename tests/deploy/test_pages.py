"""The pages of deploy/ lead where they say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

DEPLOY: Final = Path(__file__).parents[2] / "deploy"
PAGES: Final = sorted(DEPLOY.rglob("*.md"))
LINK: Final = re.compile(r"\]\(([^)\s]+)\)")
HEADING: Final = re.compile(r"^#+ (.+)$", re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """As the usual renderers make them of headings."""
    titles = HEADING.findall(page.read_text("utf-8"))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def leading_nowhere(page: Path) -> Iterator[str]:
    """Its relative links to what is not there."""
    for link in LINK.findall(page.read_text("utf-8")):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if "://" not in link and not (target.exists() and (not anchor or anchor in anchors(target))):
            yield link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DEPLOY)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert [] == list(leading_nowhere(page))


def test_a_link_to_nothing_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One\n[a](page.md) [b](page.md#one) [c](#two) [d](none.md) [e](https://v.example/none)\n")
    assert ["#two", "none.md"] == list(leading_nowhere(page))


@pytest.mark.parametrize("folder", [each for each in DEPLOY.iterdir() if each.is_dir() and each.name != "__pycache__"])
def test_every_folder_is_named_on_the_first_page(folder: Path) -> None:
    assert f"]({folder.name}" in (DEPLOY / "README.md").read_text("utf-8")
