"""``segment-relay config``: every setting as it counts, and where it came from."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from worker.config import Effective, Settings, effective
from worker.settings.problems import dotted

COLUMN = 44


def lines(settings: Settings) -> Iterator[str]:
    """The settings as a file has them, secrets masked; each line's comment says where its value came from."""
    for table, rows in groupby(effective(settings), key=lambda row: row.path[:-1]):
        yield f"[{dotted(table)}]"
        yield from (_line(row) for row in rows)
        yield ""


def _line(row: Effective) -> str:
    if row.value is None:
        return f"# {row.setting.name} is not set"
    return f"{f'{row.setting.name} = {row.shown}':<{COLUMN}}  # {row.origin}"
