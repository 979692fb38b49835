"""Who is eligible for a survey: by rule, else one half of all people, always the same half."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from zlib import crc32


@dataclass(frozen=True, slots=True)
class EligibilityRule:
    """The first rule that matches answers. Empty ``users`` (external ids, e-mails, phones) are all, ``event_name`` None
    any."""

    eligible: bool
    code: str = "scripted"
    why: str = "a rule of the sandbox says so"
    users: frozenset[str] = frozenset()
    event_name: str | None = None

    def matches(self, names: frozenset[str], event_name: str) -> bool:
        return (not self.users or bool(self.users & names)) and self.event_name in (None, event_name)


def verdict(rules: Iterable[EligibilityRule], user: str, names: frozenset[str], event_name: str) -> dict[str, Any]:
    """The vendor's answer about one person."""
    for rule in rules:
        if rule.matches(names, event_name):
            return _answer(rule.eligible, rule.code, rule.why)
    if crc32(user.encode()) % 2 == 0:
        return _answer(True, "eligible", "in the sample")
    return _answer(False, "sampled_out", "not in the sample")


def _answer(eligible: bool, code: str, why: str) -> dict[str, Any]:
    return {"eligible": eligible, "details": {"code": code, "why": why}, "settings": {}}
