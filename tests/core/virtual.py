"""A lane with a clock that jumps, a scripted vendor, and Kafka in memory: hours in milliseconds.

The clock only ever goes to where something is due: an answer, an acknowledgement, ``lane.wake_at``. Where events wait
and nothing is due, that is a deadlock, and it fails instead of hanging. The books are looked at after every input.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from heapq import heappop, heappush
from random import Random
from typing import Any, Final, NamedTuple

import orjson

from mappings.contract import Destination, Response
from tests.builders import ARecord, a_policy
from tests.simulation.destination import DESTINATION, Account
from tests.simulation.kafka import Kafka
from worker.core.effects import Effect, ReadSecrets, Send
from worker.core.faults import Fault, FaultKind
from worker.core.lane import Lane
from worker.core.letters import Produce
from worker.core.policy import Policy
from worker.core.progress import waits_for
from worker.core.records import Position, TopicPartition
from worker.core.starts import StartAt
from worker.core.tally import OutcomeName

P0: Final = TopicPartition("events", 0)
P1: Final = TopicPartition("events", 1)
START: Final = 1_800_000_000.0
MINUTE: Final = 60.0
HOUR: Final = 3600.0
INTERVAL: Final = 0.5
COMMITS_TAKE: Final = 0.005
PRODUCES_TAKE: Final = 0.01
TAKEN_AT_ONCE: Final = 3
POLLED: Final = 500  # records of one partition in one poll
OUTSIDE: Final = {"lease", "commit", "disabled"}  # waits that only somebody else can end
MANY: Final = 100_000  # steps without an end: the clock stands still

Answer = Response | Fault
TIMEOUT: Final = Fault(FaultKind.TIMEOUT, written=True)
REFUSED: Final = Fault(FaultKind.REFUSED, written=False)
CUT: Final = Fault(FaultKind.RESET, written=True, detail="cut")
PAGE: Final = Response(200, {"content-type": "text/html"}, b"<!DOCTYPE html><title>back soon</title>")


class Deadlock(AssertionError):  # noqa: N818  (what it says of the lane)
    """Events wait, and nothing will ever happen."""


@dataclass(frozen=True)
class Arrival:
    """One request as it arrives at the vendor. ``at`` is Unix seconds."""

    send: Send
    at: float

    @property
    def operation(self) -> str:
        return self.send.request.operation

    @property
    def key(self) -> str:
        """The user, as the model's requests name it."""
        return self.send.request.url.rsplit("/", 1)[1]

    @property
    def ids(self) -> list[str]:
        """The events that a write of the model carries."""
        body = self.send.request.json
        return list(body.get("ids", [])) if isinstance(body, dict) else []

    @property
    def secret(self) -> str:
        return str((self.send.request.json or {}).get("secret"))


Script = Callable[[Arrival], Answer | None]  # ``None``: accepted


def well(_arrival: Arrival) -> None:
    """A vendor that takes everything."""


def an_object(**fields: object) -> Response:
    return Response(200, {}, orjson.dumps(fields))


class Accepted(NamedTuple):
    id: str
    key: str
    at: float


@dataclass
class Vendor:
    """The model's vendor: what it accepted, when. What ``script`` answers is not accepted."""

    script: Script = well
    arrivals: list[Arrival] = field(default_factory=list)
    accepted: list[Accepted] = field(default_factory=list)
    profiles: dict[str, dict[str, Any]] = field(default_factory=lambda: defaultdict(dict))

    def hear(self, arrival: Arrival) -> Answer:
        self.arrivals.append(arrival)
        said = self.script(arrival)
        if said is not None:
            return said
        if arrival.operation == "login":
            return an_object(token=f"t{len(self.arrivals)}")
        if arrival.operation == "write":
            self.profiles[arrival.key] = dict(arrival.send.request.json["profile"])
        self.accepted.extend(Accepted(one, arrival.key, arrival.at) for one in arrival.ids)
        return an_object(profile=self.profiles[arrival.key])

    @property
    def ids(self) -> list[str]:
        """The events that it accepted, in order."""
        return [one.id for one in self.accepted]

    @property
    def by_user(self) -> dict[str, list[str]]:
        """The events that it accepted of each user, in order."""
        found: dict[str, list[str]] = {}
        for one in self.accepted:
            found.setdefault(one.key, []).append(one.id)
        return found

    def times(self, key: str) -> list[float]:
        """When requests for this user arrived."""
        return [one.at for one in self.arrivals if one.operation != "login" and one.key == key]


@dataclass(frozen=True)
class Said:
    """What the broker says of a dead letter."""

    ok: bool = True
    too_large: bool = False
    after: float = PRODUCES_TAKE  # seconds


TAKEN: Final = Said()
Broker = Callable[[Produce, float], Said]


@dataclass(frozen=True)
class Buried:
    """A dead letter that was acknowledged."""

    produce: Produce
    at: float

    @property
    def headers(self) -> dict[str, str]:
        """Ours."""
        return {name: value.decode() for name, value in self.produce.headers if name.startswith("relay-")}


class Virtual:
    """One worker's lane for one destination, and the world around it.

    ``books_every``: after how many inputs the books are looked at, where each look is dear.
    """

    def __init__(
        self,
        vendor: Vendor | Callable[[Arrival], Answer] | None = None,
        *,
        destination: Destination[Any] = DESTINATION,
        account: object = None,
        policy: Policy | None = None,
        partitions: Iterable[TopicPartition] = (P0,),
        kafka: Kafka | None = None,
        start_at: StartAt | None = "earliest",
        latency: float | Callable[[Arrival], float] = 0.05,
        secrets: tuple[str, ...] = (),
        books_every: int = 1,
    ) -> None:
        self.vendor = vendor if isinstance(vendor, Vendor) else Vendor()
        self._hear = vendor if callable(vendor) else self.vendor.hear
        self.destination = destination
        self.account = Account() if account is None else account
        self.policy = a_policy(integration=destination.name) if policy is None else policy
        self.partitions = tuple(partitions)
        self.kafka = Kafka() if kafka is None else kafka
        self.start_at: StartAt | None = start_at
        self.latency = latency
        self.secrets = secrets
        self.now = START
        self.random = Random(1)
        self._books_every = books_every
        self._inputs = 0
        self._looks = 0
        self.reread: Callable[[], object] = lambda: self.account
        self.reads: list[float] = []  # when the secret files were read
        self.broker: Broker = lambda produce, now: TAKEN
        self.commit_error: Callable[[float], str | None] = lambda now: None  # at a time: what the broker says
        self.buried: list[Buried] = []
        self.open: list[Send] = []  # under way now
        self.most_open = 0
        self.notes: list[str] = []
        self.made = 0
        self.written: dict[str, list[str]] = {}  # user → event ids
        self._tie = 0
        for partition in self.partitions:
            if partition not in self.kafka.logs:
                self.kafka.add(partition)
        self._begin()
        self.assign(self.partitions)

    def _begin(self) -> None:
        """A new process."""
        self.lane = Lane(
            self.destination,
            self.account,
            self.policy,
            random=self.random.random,
            version="1.2.3",
            secrets=self.secrets,
        )
        self.positions: dict[TopicPartition, int] = {}
        self.leaving: set[TopicPartition] = set()  # whoever waits there waits for the release
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self.open.clear()
        self._producing = 0
        self._committing = False
        self._commit_at: float | None = None  # something may have been settled that no commit has said

    # --- what happens to it

    def write(self, user: str = "u1", *, to: TopicPartition = P0, gap: int = 0, **fields: object) -> str:
        """One event is written to the log; its id."""
        message = self.a_message(user, **fields)
        self.append(message, to=to, gap=gap)
        self.written.setdefault(user, []).append(message["messageId"])
        return str(message["messageId"])

    def trickle(self, seconds: float, every: float = 10.0, users: int = 30) -> list[str]:
        """Time passes, and now and then one of so many users has an event; their ids."""
        end = self.now + seconds
        ids: list[str] = []
        while self.now < end:
            ids.append(self.write(f"well{len(ids) % users}"))
            self.run(min(every, end - self.now))
        return ids

    def a_message(self, user: str = "u1", **fields: object) -> dict[str, Any]:
        self.made += 1
        return {"type": "track", "event": "x", "userId": user, "messageId": f"e{self.made}", **fields}

    def append(self, value: object, *, to: TopicPartition = P0, gap: int = 0) -> ARecord:
        """One record is written to the log. What is not bytes is written as JSON."""
        body = value if value is None or isinstance(value, bytes) else orjson.dumps(value)
        return self.kafka.append(to, body, self.now, gap)

    def assign(self, partitions: Iterable[TopicPartition]) -> None:
        ours = [self.kafka.assign(partition, self.start_at, self.now) for partition in partitions]
        self.positions |= {one.partition: one.position.offset for one in ours}
        self._input(lambda: self.lane.assign(ours))
        self._share()

    def lose(self, partitions: Iterable[TopicPartition]) -> None:
        """Somebody else owns them: nothing is committed."""
        gone = [one for one in partitions if self.positions.pop(one, None) is not None]
        self._input(lambda: self.lane.lose(gone))

    def drain(self, partitions: Iterable[TopicPartition] | None = None, within: float = 45.0) -> bool:
        """A rebalance takes them away, or the worker stops. Were they drained in time?"""
        leaving = list(self.positions) if partitions is None else list(partitions)
        self.revoke(leaving)
        in_time = self.run(within, until=lambda: self.lane.drained(leaving))
        self.release(leaving)
        return in_time

    def revoke(self, partitions: Iterable[TopicPartition]) -> None:
        leaving = list(partitions)
        for one in leaving:
            self.positions.pop(one)
        self.leaving.update(leaving)
        self._input(lambda: self.lane.revoke(leaving))

    def release(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, Position]:
        """The last positions are committed; what is still on the wire is cut."""
        leaving = list(partitions)
        last: dict[TopicPartition, Position] = {}
        self._input(lambda: last.update(self.lane.release(leaving)))
        self.leaving.difference_update(leaving)
        self.kafka.commit(last)
        for send in list(self.open):
            flow = send.conversation
            if flow is not None and flow.user.assignment.partition in leaving:
                self._heard(send, CUT)
        return last

    def crash(self) -> None:
        """The process dies: what was under way is lost; another begins where the commits say."""
        owned = list(self.positions)
        self._begin()
        self.assign(owned)

    def commit(self) -> None:
        """A commit, now, that succeeds."""
        self.now += 1.0
        self._commit()
        self.run(2 * COMMITS_TAKE)

    # --- time

    def run(self, seconds: float, until: Callable[[], bool] | None = None) -> bool:
        """So many seconds pass, or fewer: until it is so. Whether it came to be so."""
        end = self.now + seconds
        for _ in range(MANY):
            self._poll()
            if until is not None and until():
                return True
            due = self._next()
            if due is None and self._waits():
                raise Deadlock(f"nothing is due, and events wait: {self.lane.standing()}")
            if due is None or due > end:
                self._pass_to(end)
                return until is None
            self._pass_to(due)
        raise Deadlock(f"{MANY} steps, and the clock is at {self.now - end + seconds} s: {self.lane.standing()}")

    def finish(self, within: float = HOUR) -> float:
        """Until everything is settled and committed; how many seconds it took."""
        began = self.now
        done = self.run(within, until=lambda: self._is_read and self.lane.idle)
        assert done, f"not finished: {self.lane.standing()}"
        took = self.now - began
        self.run(2.0)
        return took

    def _pass_to(self, when: float) -> None:
        self.now = max(self.now, when)
        self._share()
        self.lane.tick(self.now)
        self._go_on()
        while self._due and self._due[0][0] <= self.now:
            heappop(self._due)[2]()
        self._commit()

    def _next(self) -> float | None:
        times = [self.lane.wake_at(self.now), self._due[0][0] if self._due else None]
        if self._commit_at is not None and not self._committing:
            times.append(self._commit_at)
        return min((time for time in times if time is not None), default=None)

    def _waits(self) -> bool:
        if self.leaving or (self.lane.idle and self._is_read):
            return False
        return not self.lane.standing().limited_by & OUTSIDE

    @property
    def _is_read(self) -> bool:
        return all(self.kafka.ends[one] <= at for one, at in self.positions.items())

    # --- its wires

    def _share(self) -> None:
        """How many partitions each topic has, this worker's and others'."""
        self.lane.share(Counter(partition.topic for partition in self.kafka.logs), self.now)

    def _input(self, of: Callable[[], object]) -> None:
        of()
        if self._commit_at is None:
            self._commit_at = self.now + INTERVAL
        self._go_on()

    def _go_on(self) -> None:
        """After any input."""
        self._check_books()
        self._take()
        for produce in self.lane.produces(self.now):
            self._produce(produce)
        self.notes.extend(note.what for note in self.lane.notes)
        self.lane.notes.clear()
        self._check_wait()

    def _check_wait(self) -> None:
        """Where nothing is under way, the lane has a name for what it waits for: else the watchdog would bark."""
        self._looks += 1
        if not (self._looks % self._books_every or self.open or self._producing or self.leaving):
            assert waits_for(self.lane.standing(), self.now), f"a wait without a name: {self.lane.standing()}"

    def _check_books(self) -> None:
        self._inputs += 1
        if self._inputs % self._books_every:
            return
        standing = self.lane.standing()
        assert 0 == standing.imbalance, f"the books are off: {standing}"

    def _take(self) -> None:
        for effect in self._effects():
            if isinstance(effect, ReadSecrets):
                self.reads.append(self.now)
                self.lane.secrets(self.reread(), self.secrets, self.now)
            else:
                self._send(effect)
            self._check_books()
        assert [] == self.lane.take(self.now), "nothing before the next input"

    def _effects(self) -> Iterator[Effect]:
        """Until there are fewer than asked for, or the secrets are to be read first."""
        while effects := self.lane.take(self.now, TAKEN_AT_ONCE):
            yield from effects

    def _send(self, send: Send) -> None:
        arrival = Arrival(send, self.now)
        self.open.append(send)
        self.most_open = max(self.most_open, len(self.open))
        answer = self._hear(arrival)
        takes = self.latency(arrival) if callable(self.latency) else self.latency
        self._at(self.now + takes, lambda: self._heard(send, answer))

    def _heard(self, send: Send, answer: Answer) -> None:
        if send in self.open:  # else it was cut
            self.open.remove(send)
            self._input(lambda: self.lane.answer([(send, answer)], self.now))

    def _produce(self, produce: Produce) -> None:
        said = self.broker(produce, self.now)
        self._producing += 1
        self._at(self.now + said.after, lambda: self._produced(produce, said))

    def _produced(self, produce: Produce, said: Said) -> None:
        letter = produce.letter
        self._producing -= 1
        if said.ok:
            self.kafka.bury(produce)
            self.buried.append(Buried(produce, self.now))
            self._input(lambda: self.lane.acknowledged(letter, self.now))
        else:
            self._input(
                lambda: self.lane.unacknowledged(letter, self.now, too_large=said.too_large, why="the broker says no")
            )

    def _poll(self) -> None:
        """Everything that may be read now."""
        while self.lane.hungry:
            paused = self.lane.paused()
            batch = {}
            for partition, position in self.positions.items():
                if partition not in paused and position < self.kafka.ends[partition]:
                    batch[partition] = [one for one in self.kafka.logs[partition] if one.offset >= position][:POLLED]
            if not batch:
                return
            for partition, records in batch.items():
                self.positions[partition] = records[-1].offset + 1 if records else self.kafka.ends[partition]
            self._input(partial(self.lane.receive, batch, {one: self.positions[one] for one in batch}, self.now))

    def _commit(self) -> None:
        positions = dict(self.lane.commit(self.now))
        if not positions:
            if self._commit_at is not None and self._commit_at <= self.now:
                self._commit_at = self.now + INTERVAL
            return
        self._committing = True
        self._commit_at = None
        self._at(self.now + COMMITS_TAKE, lambda: self._committed(positions))

    def _committed(self, positions: dict[TopicPartition, Position]) -> None:
        self._committing = False
        error = self.commit_error(self.now)
        if error is None:
            self.kafka.commit({one: said for one, said in positions.items() if one in self.positions})
        else:
            self._commit_at = self.now + INTERVAL
        self.lane.committed(positions, error)
        self._go_on()

    def _at(self, when: float, what: Callable[[], None]) -> None:
        self._tie += 1
        heappush(self._due, (when, self._tie, what))

    # --- what is seen of it

    @property
    def dead(self) -> dict[str, str]:
        """Event id → the reason for which it was given up."""
        return {
            one.headers.get("relay-message-id", one.headers["relay-origin"]): one.headers["relay-reason"]
            for one in self.buried
        }

    @property
    def settled(self) -> dict[tuple[OutcomeName, str], int]:
        return dict(self.lane.tally.settled)

    def committed(self, partition: TopicPartition = P0) -> int:
        return self.kafka.commits[partition].offset
