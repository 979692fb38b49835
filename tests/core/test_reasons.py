"""The core's closed list of reasons."""

from __future__ import annotations

import re

import pytest

from worker.core.reasons import MALFORMED, NOT_DELIVERED, NOT_WANTED, REASONS


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_a_reason_is_a_slug_and_means_one_sentence(reason: str) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", reason)
    assert re.fullmatch(r"[A-Z`][^\n]{10,110}\.", REASONS[reason])


def test_no_reason_stands_in_two_lists() -> None:
    assert len(REASONS) == len(MALFORMED) + len(NOT_WANTED) + len(NOT_DELIVERED)
