"""Who may go next: one at a time per user, oldest first, sleepers when they wake."""

from __future__ import annotations

from heapq import heapify, heappop, heappush

from worker.core.items import Assignment, Folded, Item, User, UserState
from worker.core.retry_budget import RetryBudget
from worker.core.slow_users import SlowUsers


class Queues:
    """The users of one lane.

    Ready users are ordered by the arrival number of their head event and nothing else: offsets settle nearly in order,
    a crash repeats little, nobody starves. In one process at most one flow is open for an ordering key, whatever the
    partition: a user spread over two topics is one person to the vendor.
    """

    def __init__(self) -> None:
        self.events = 0  # tracked and not settled
        self.bytes = 0
        self.budget = RetryBudget()
        self.over_budget_until: float | None = None  # sleepers whose time has come wait for it
        self.slow = SlowUsers()
        self._ready: list[tuple[int, int, User]] = []
        self._slow: list[tuple[int, int, User]] = []  # slow users who are ready
        self._sleeping: list[tuple[float, int, User]] = []
        self._taken: dict[str, tuple[User, ...]] = {}  # by key that is open: who else waits for it
        self._tie = 0

    def add(self, item: Item) -> None:
        """A new event, behind its user's others."""
        user = item.user
        self._account(user.assignment, 1, item.bytes)
        user.waiting.append(item)
        if len(user.waiting) == 1:
            self.ready(user)

    def fold(self, user: User, folded: Folded) -> None:
        """A new event, whose turn is not near."""
        self._account(user.assignment, 1, folded.bytes)
        user.behind.append(folded)
        if len(user.behind) == 1 and not user.waiting:
            self.ready(user)

    def unfold(self, item: Item, folded: Folded) -> None:
        """The first of those whose turn was not near, and is now."""
        self._account(item.user.assignment, 0, item.bytes - folded.bytes)
        item.user.waiting.append(item)

    def _account(self, assignment: Assignment, events: int, octets: int) -> None:
        self.events += events
        self.bytes += octets
        assignment.events += events
        assignment.bytes += octets

    def ready(self, user: User) -> None:
        """Its head event may go."""
        head = user.head
        assert head is not None  # noqa: S101  (it has one)
        user.state = UserState.READY
        self._tie += 1
        line = self._slow if self.slow.keys and user.key in self.slow.keys else self._ready
        heappush(line, (head.arrival, self._tie, user))

    def take(self, limit: int = 1) -> User | None:
        """The ready user whose head event came first; its key is open from now on.

        Slow users go in that order as long as they have little of the ``limit``, else after the others, and no more of
        them than their share.
        """
        if not self._slow:
            return self._first(self._ready)
        if self.slow.are_due(limit):
            older = self._ready if self._ready and self._ready[0] < self._slow[0] else self._slow
            user = self._first(older)
            return user if user is not None else self.take(limit)
        user = self._first(self._ready)
        return user if user is not None or not self.slow.have_room(limit) else self._first(self._slow)

    def _first(self, ready: list[tuple[int, int, User]]) -> User | None:
        while ready:
            arrival, _, user = heappop(ready)
            # A probe takes a user past the heap: what it leaves there is of an older head event, and too early now.
            head = user.head
            if head is not None and head.arrival == arrival and self.grab(user):
                return user
        return None

    def grab(self, user: User) -> bool:
        """Take this user, unless it is not ready or its key is open elsewhere (then it is ready again after that)."""
        if user.state is not UserState.READY or not user.assignment.serves:
            return False
        rivals = self._taken.get(user.key)
        if rivals is not None:
            self._taken[user.key] = (*rivals, user)
            return False
        self._taken[user.key] = ()
        user.state = UserState.OPEN
        return True

    def is_free(self, key: str) -> bool:
        """No flow is open for it."""
        return key not in self._taken

    def release(self, key: str) -> None:
        """The key's flow is not open any more."""
        for rival in self._taken.pop(key, ()):
            if rival.state is UserState.READY and rival.head is not None:
                self.ready(rival)

    def sleep(self, user: User, until: float) -> None:
        """Its head event waits; its key is free meanwhile."""
        user.state = UserState.SLEEPING
        user.wakes_at = until
        self._tie += 1
        heappush(self._sleeping, (until, self._tie, user))
        self.release(user.key)

    def wake(self, now: float) -> None:
        """Sleepers whose time has come are ready, as far as the retries' budget goes."""
        sleeping = self._sleeping
        self.over_budget_until = None
        while sleeping and sleeping[0][0] <= now:
            until, _, user = sleeping[0]
            if user.state is UserState.SLEEPING and user.wakes_at == until and user.head is not None:
                if not self.budget.spend(now):
                    self.over_budget_until = self.budget.renewed(now)
                    return
                self.ready(user)
            heappop(sleeping)

    @property
    def next_wake(self) -> float | None:
        """When the first sleeper wakes."""
        return self.over_budget_until or (self._sleeping[0][0] if self._sleeping else None)

    @property
    def ready_users(self) -> int:
        """How many are ready (or a little fewer: an entry may prove stale)."""
        return len(self._ready)

    @property
    def any_ready(self) -> bool:
        """Somebody may be ready who is not slow (an entry may prove stale)."""
        return bool(self._ready)

    @property
    def slow_wait(self) -> bool:
        """Slow users may be ready."""
        return bool(self._slow)

    def settled(self, item: Item) -> None:
        """The head event of its user is done with."""
        user = item.user
        del user.waiting[0]
        self._account(user.assignment, -1, -item.bytes)
        if user.head is None and user.trouble is None:
            del user.assignment.users[user.key]

    def drop(self, assignment: Assignment) -> int:
        """Forget all that a partition still had: so many events."""
        dropped = assignment.events
        self._account(assignment, -dropped, -assignment.bytes)
        for user in assignment.users.values():
            user.waiting.clear()
            user.behind.clear()
        assignment.users.clear()
        self._ready = [entry for entry in self._ready if entry[2].head is not None]
        self._slow = [entry for entry in self._slow if entry[2].head is not None]
        self._sleeping = [entry for entry in self._sleeping if entry[2].head is not None]
        heapify(self._ready)
        heapify(self._slow)
        heapify(self._sleeping)
        return dropped
