"""Which of a user's waiting events share one flow."""

from __future__ import annotations

from itertools import islice
from typing import Any, Final

from mappings.contract import Destination, Merge
from worker.core.effects import Note
from worker.core.items import Item, User, head_events

MOST_MERGED: Final = 50  # events in one flow: a flow that fails is one user's, and is not to grow without bound


def together(user: User, destination: Destination[Any], settings: object, notes: list[Note]) -> tuple[Item, ...]:
    """The user's head event, and those behind it that may go with it. A mapping's mistakes are told to ``notes``."""
    head = user.waiting[0]
    merge = destination.merge
    if merge is None or len(user.waiting) == 1:
        return (head,)
    if user.singles:
        user.singles -= 1
        return (head,)
    items = [head]
    for item in islice(user.waiting, 1, MOST_MERGED):
        if not _joins(merge, items, item, settings, notes):
            break
        items.append(item)
    return tuple(items)


def _joins(merge: Merge[Any], items: list[Item], following: Item, settings: object, notes: list[Note]) -> bool:
    try:
        return merge.together(head_events(items), following.event, settings)
    except Exception as error:  # noqa: BLE001  (a stranger's mapping may raise anything: then nothing is merged)
        notes.append(Note("error", "bug in the mapping", following.record, following.event, error=error))
        return False
