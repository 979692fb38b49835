"""The whole core, in schedules that nobody would think of."""

from __future__ import annotations

import pytest

from tests.simulation.bugs import BUGS
from tests.simulation.many import first_found, violations

SCHEDULES = 1_000
PATIENCE = 150  # schedules in which a planted bug has to show


def test_no_schedule_breaks_a_promise() -> None:
    assert [] == list(violations(range(SCHEDULES)))


@pytest.mark.interpreted
@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found(bug: str) -> None:
    assert first_found(bug, range(PATIENCE)) is not None
