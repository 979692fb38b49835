"""A person's decision: what keeps failing is given up now."""

from __future__ import annotations

from typing import Final

from mappings.contract import Rejected
from worker.core.conversation import Conversation
from worker.core.items import User, UserState
from worker.core.turns import Turns

PARKED: Final = Rejected("parked", "given up by a person")


def park(user: User, turns: Turns) -> bool:
    """The head event of a user that failed and waits becomes a dead letter. Whether there was one.

    Its following events have one witnessed attempt each, as after a retry window.
    """
    if user.trouble is None or user.state not in (UserState.READY, UserState.SLEEPING) or user.head is None:
        return False
    user.state = UserState.READY
    if not turns.queues.grab(user):  # its key is open elsewhere, or its partition leaves
        return False
    if user.behind:
        turns.unfold(user)
    user.trouble.given_up = True
    turns.endings.settling.rejected(Conversation((user.waiting[0],), turns.destination, turns.settings), PARKED)
    return True
