"""What the lane keeps of an event, of the user whom it belongs to, and of the partition that it came from."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

from mappings.contract import Event
from worker.core.decode import Member
from worker.core.ledger import Ledger
from worker.core.records import Record, TopicPartition

if TYPE_CHECKING:
    from worker.core.conversation import Conversation
    from worker.core.letters import DeadLetter
    from worker.core.retry import Trouble


@dataclass(slots=True, eq=False, repr=False)  # no personal data in a repr
class Item:
    """One event until it is settled. ``bytes`` is its share of the buffer's budget."""

    user: User
    record: Record
    member: int
    event: Event
    arrival: int
    bytes: int
    alone: bool  # the record holds this event only, so its own bytes can go to the dead letters as they came
    attempts: int = 0  # failed tries, through restarts of its flow


class UserState(Enum):
    """Where a user's head event stands."""

    READY = auto()
    OPEN = auto()
    SLEEPING = auto()
    DEAD_LETTERING = auto()


@dataclass(slots=True, eq=False, repr=False)  # no personal data in a repr
class Folded:
    """An event whose turn is not near: only its record, until then."""

    record: Record
    member: int
    arrival: int
    bytes: int
    share: int  # its bytes once it is decoded
    alone: bool


@dataclass(slots=True, eq=False, repr=False)  # no personal data in a repr
class User:
    """Whom order is kept for: one ordering key in one partition. ``waiting`` begins with the event being served.

    ``behind`` follows after ``waiting``. Both are lists: most users have one event, and an empty deque takes 600 bytes.
    """

    key: str
    assignment: Assignment
    waiting: list[Item] = field(default_factory=list)
    behind: list[Folded] = field(default_factory=list)
    state: UserState = UserState.READY
    conversation: Conversation | None = None
    trouble: Trouble | None = None
    wakes_at: float = 0.0
    probed: int = 0  # the number of the last probe that it was; the least recent goes first
    singles: int = 0  # so many of its next events are sent one by one: their merge was not delivered

    @property
    def head(self) -> Item | Folded | None:
        """Its first event that is not settled."""
        if self.waiting:
            return self.waiting[0]
        return self.behind[0] if self.behind else None


@dataclass(slots=True, eq=False, repr=False)  # no personal data in a repr
class Assignment:
    """One partition, from its assignment to its revocation. What comes back for an old one changes nothing."""

    partition: TopicPartition
    ledger: Ledger
    users: dict[str, User] = field(default_factory=dict)
    backlog: deque[Record] = field(default_factory=deque)  # polled, not yet admitted
    decoded: tuple[Member, ...] | None = None  # the backlog's first record, where it waits for room in the offset map
    position: int = 0  # the consumer's, once the backlog is empty
    start: float | None = None  # when the group began, for the commits' metadata
    topic_id: bytes | None = None  # for the same
    events: int = 0  # queued or under way
    bytes: int = 0  # their share of the buffer's budget
    open: int = 0  # requests under way
    dead_lettering: int = 0
    settled: int = 0  # events, since the assignment
    said: int = 0  # of those, the ones that the last commit knew of
    committed: int = 0  # and those of the last one that the broker took
    known_failures: dict[tuple[int, int], int] = field(default_factory=dict)  # (offset, member) → first failure
    malformed: set[DeadLetter] = field(default_factory=set)  # what was no event, on its way to the dead letters
    changed: bool = False  # something was settled since the last commit
    used: bool = False  # it has had a record: it has a share of the buffer
    leaving: bool = False
    gone: bool = False

    def settle(self, offset: int, member: int) -> None:
        """One event is done with."""
        self.ledger.settle(offset, member)
        self.settled += 1
        self.changed = True

    @property
    def at_risk(self) -> int:
        """Events that would be sent again if the process died now: under way, begun, or settled and not committed."""
        flows = (user.conversation for user in self.users.values() if user.conversation is not None)
        begun = sum(len(flow.items) for flow in flows if flow.wrote or flow.user.state is UserState.OPEN)
        return begun + self.settled - self.committed

    @property
    def serves(self) -> bool:
        """New flows may begin here."""
        return not (self.leaving or self.gone)


def head_events(items: Sequence[Item]) -> tuple[Event, ...]:
    """The events of some items, in order."""
    return tuple(item.event for item in items)
