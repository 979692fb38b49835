"""Who may go next: one at a time per user, oldest first, sleepers when they wake."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from heapq import heapify, heappop, heappush

from worker.core.items import Assignment, Item, User, UserState


class Queues:
    """The users of one lane.

    Ready users are ordered by the arrival number of their head event and nothing else: offsets settle nearly in order,
    a crash repeats little, nobody starves. In one process at most one flow is open for an ordering key, whatever the
    partition: a user spread over two topics is one person to the vendor.
    """

    def __init__(self) -> None:
        self.events = 0  # tracked and not settled
        self.bytes = 0
        self._ready: list[tuple[int, int, User]] = []
        self._sleeping: list[tuple[float, int, User]] = []
        self._taken: dict[str, deque[User]] = {}  # by key that is open: who else waits for it
        self._tie = 0

    def add(self, item: Item) -> None:
        """A new event, behind its user's others."""
        user = item.user
        self.events += 1
        self.bytes += item.bytes
        user.assignment.events += 1
        user.assignment.bytes += item.bytes
        user.waiting.append(item)
        if len(user.waiting) == 1:
            self.ready(user)

    def ready(self, user: User) -> None:
        """Its head event may go."""
        user.state = UserState.READY
        self._tie += 1
        heappush(self._ready, (user.waiting[0].arrival, self._tie, user))

    def take(self) -> User | None:
        """The ready user whose head event came first; its key is open from now on."""
        ready = self._ready
        while ready:
            arrival, _, user = heappop(ready)
            # A probe takes a user past the heap: what it leaves there is of an older head event, and too early now.
            if user.waiting and user.waiting[0].arrival == arrival and self.grab(user):
                return user
        return None

    def grab(self, user: User) -> bool:
        """Take this user, unless it is not ready or its key is open elsewhere (then it is ready again after that)."""
        if user.state is not UserState.READY or not user.assignment.serves:
            return False
        rivals = self._taken.get(user.key)
        if rivals is not None:
            rivals.append(user)
            return False
        self._taken[user.key] = deque()
        user.state = UserState.OPEN
        return True

    def is_free(self, key: str) -> bool:
        """No flow is open for it."""
        return key not in self._taken

    def release(self, key: str) -> None:
        """The key's flow is not open any more."""
        for rival in self._taken.pop(key, ()):
            if rival.state is UserState.READY and rival.waiting:
                self.ready(rival)

    def sleep(self, user: User, until: float) -> None:
        """Its head event waits; its key is free meanwhile."""
        user.state = UserState.SLEEPING
        user.wakes_at = until
        self._tie += 1
        heappush(self._sleeping, (until, self._tie, user))
        self.release(user.key)

    def wake(self, now: float) -> None:
        """Sleepers whose time has come are ready."""
        sleeping = self._sleeping
        while sleeping and sleeping[0][0] <= now:
            until, _, user = heappop(sleeping)
            if user.state is UserState.SLEEPING and user.wakes_at == until and user.waiting:
                self.ready(user)

    @property
    def next_wake(self) -> float | None:
        """When the first sleeper wakes."""
        return self._sleeping[0][0] if self._sleeping else None

    @property
    def any_ready(self) -> bool:
        """Somebody may be ready (an entry may prove stale)."""
        return bool(self._ready)

    def settled(self, item: Item) -> None:
        """The head event of its user is done with."""
        user = item.user
        user.waiting.popleft()
        self.events -= 1
        self.bytes -= item.bytes
        user.assignment.events -= 1
        user.assignment.bytes -= item.bytes
        if not user.waiting and user.trouble is None:
            del user.assignment.users[user.key]

    def drop(self, assignment: Assignment) -> Iterator[Item]:
        """Forget all that a partition still had, and say what that was."""
        for user in assignment.users.values():
            for item in user.waiting:
                self.events -= 1
                self.bytes -= item.bytes
                yield item
            user.waiting.clear()
        assignment.users.clear()
        self._ready = [entry for entry in self._ready if entry[2].waiting]
        self._sleeping = [entry for entry in self._sleeping if entry[2].waiting]
        heapify(self._ready)
        heapify(self._sleeping)
