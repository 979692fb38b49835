from __future__ import annotations

import pytest

from tests.builders import a_user, an_assignment, an_event, an_item
from worker.core.items import head_events


def test_a_flows_events_stand_in_the_order_of_their_items() -> None:
    user = a_user()
    items = [an_item(user, event=an_event(id=one)) for one in ("m2", "m1")]
    assert ("m2", "m1") == tuple(event.id for event in head_events(items))


def test_what_is_settled_is_in_the_ledger_and_waits_to_be_committed() -> None:
    home = an_assignment()
    home.ledger.track(7, 1)
    assert not home.changed
    home.settle(7, 0)
    assert (8, True) == (home.ledger.committable, home.changed)


@pytest.mark.parametrize(
    ("leaving", "gone", "serves"),
    [(False, False, True), (True, False, False), (False, True, False), (True, True, False)],
)
def test_an_assignment_that_leaves_or_is_gone_begins_nothing(*, leaving: bool, gone: bool, serves: bool) -> None:
    home = an_assignment()
    home.leaving, home.gone = leaving, gone
    assert serves == home.serves
