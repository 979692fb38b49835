"""What a check found: one line each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Mark(Enum):
    """✗ alone makes the check fail."""

    RIGHT = "✓"
    WRONG = "✗"
    UNSEEN = "–"


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence about one thing, and what kind of news it is."""

    mark: Mark
    sentence: str

    def __str__(self) -> str:
        return f"{self.mark.value} {self.sentence}"


def right(sentence: str) -> Finding:
    return Finding(Mark.RIGHT, sentence)


def wrong(sentence: str) -> Finding:
    """Must be corrected; the sentence says how."""
    return Finding(Mark.WRONG, sentence)


def unseen(sentence: str) -> Finding:
    """Cannot be seen from here."""
    return Finding(Mark.UNSEEN, sentence)


def counted(count: int, thing: str) -> str:
    """ "1 topic", "2 topics"."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def any_wrong(findings: Iterable[Finding]) -> bool:
    return any(finding.mark is Mark.WRONG for finding in findings)
