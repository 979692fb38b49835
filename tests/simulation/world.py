"""Random, seeded schedules of whole lanes, in a model of Kafka and of a vendor, held against the promises.

Every action is one small step; what the next one is, is drawn. A schedule that breaks a promise raises ``Broken`` and
is found again by its seed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import orjson

from mappings.contract import Response
from tests.simulation.destination import DESTINATION, Account
from tests.simulation.kafka import Kafka
from tests.simulation.vendor import PAGE, Answer, Mode, Vendor
from worker.core.effects import ReadSecrets, Send
from worker.core.faults import Fault, FaultKind
from worker.core.holds.states import State
from worker.core.lane import Lane
from worker.core.letters import Produce
from worker.core.parts import PARTS, Parts
from worker.core.policy import Policy
from worker.core.progress import waits_for
from worker.core.records import TopicPartition
from worker.core.starts import StartAt

WINDOW = 900.0  # the retry window here, seconds
RECOVERED = 600.0  # how long after its recovery a lane may hold at a stretch
FEW = 2  # users ready at once, beyond whom events wait as they came
FEWER = 1  # the same, where nothing is merged
SICK_FOR = 300.0  # at most: nobody is sick for the whole window
FINISHED = 6 * 3600.0  # virtual seconds in which everything must have been settled at the end


STEPS = {  # how often each happens
    "write": 14,
    "poll": 14,
    "arrive": 30,
    "hear": 30,
    "acknowledge": 6,
    "commit": 10,
    "commit_answer": 10,
    "pass_time": 12,
    "move": 2,
    "crash": 1,
    "trouble": 2,
    "weather": 1,
    "change_secret": 1,
    "grow": 1,
    "lease": 1,
    "withhold": 2,
}
CALM = {"move": 8, "trouble": 0, "weather": 0, "change_secret": 0}


WITHHELD = Fault(FaultKind.WITHHELD, written=False)
CUT = Fault(FaultKind.CUT, written=True)


class Broken(AssertionError):  # noqa: N818  (what it says of the promise)
    """A promise was broken."""


@dataclass(eq=False)
class OnTheWire:
    """One request under way; ``answer`` is set once the vendor has seen it."""

    send: Send
    account: Account
    answer: Answer | None = None


@dataclass(frozen=True)
class Heard:
    """One answer of the vendor, as a lane heard it."""

    operation: str
    status: int
    sent: float
    at: float

    @classmethod
    def of(cls, send: Send, answer: Response, now: float) -> Heard:
        status = 0 if answer is PAGE else answer.status
        return cls(send.request.operation, status, send.sent, now)


@dataclass(eq=False)
class Worker:
    """One process: its lane, and what it is waiting for."""

    lane: Lane
    account: Account
    positions: dict[TopicPartition, int] = field(default_factory=dict)
    wire: list[OnTheWire] = field(default_factory=list)
    produced: list[Produce] = field(default_factory=list)
    committing: dict[TopicPartition, Any] | None = None  # in flight; empty where all of it was let go meanwhile
    heard: list[Heard] = field(default_factory=list)


LaneOf = Callable[[Account, Policy, Random], Lane]


def a_lane(account: Account, policy: Policy, random: Random, of: type[Lane] = Lane, parts: Parts = PARTS) -> Lane:
    destination = replace(DESTINATION, merge=None) if policy.ready_users == FEWER else DESTINATION
    return of(destination, account, policy, random=random.random, version="1", parts=parts)


@dataclass
class World:
    """``lane_of`` and ``kafka`` let a test plant a bug."""

    seed: int
    lane_of: LaneOf = a_lane
    kafka: Kafka = field(default_factory=Kafka)
    users: int = 6
    steps: int = 700

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.now = 1_000_000.0
        self.vendor = Vendor(self.random)
        self.logs_in = self.random.random() < 0.4
        self.partitions = [TopicPartition("a", 0), TopicPartition("a", 1), TopicPartition("b", 0)]
        for partition in self.partitions:
            self.kafka.add(partition)
        fixed = self.random.choice([1, 3, 20])
        finds = self.seed % 5 == 3
        self.policy = Policy(
            "Model",
            concurrency="auto" if finds else fixed,
            retry_window=WINDOW,
            buffer_events=10_000,
            ready_users={3: FEWER, 5: FEW}.get(self.seed % 7, 200),
        )
        self.written: dict[TopicPartition, dict[str, list[str]]] = {one: {} for one in self.partitions}
        self.fates: dict[str, str] = {}  # event id → the reason for which it must be given up
        self.made = 0
        self.have_been_sick: set[str] = set()  # once is enough: twice could fill the window
        self.mode_until = 0.0
        self.quiet_until = 0.0
        self.well_since: float | None = None
        self.start_at: StartAt = self.random.choice(["earliest", "latest"])  # nothing is written before the start
        self.clean = self.seed % 3 == 0  # no crash, no lost answer, no cut drain: then nothing may come twice
        self.calm = self.seed % 4 == 1  # the vendor is well, and partitions move all the time
        self.vendor.loses_answers = not self.clean
        self.workers = [self._worker(), self._worker()]
        self.owner: dict[TopicPartition, Worker] = {}
        for partition in self.partitions:
            self._give(partition, self.random.choice(self.workers))

    # --- the schedule

    def run(self) -> None:
        steps = STEPS | (CALM if self.calm else {}) | ({"crash": 0} if self.clean else {})
        names, weights = list(steps), list(steps.values())
        for step in range(self.steps):
            getattr(self, f"do_{self.random.choices(names, weights)[0]}")()
            if step % 5 == 0:
                self._check_lanes()
            if step % 50 == 0:
                self._check_orders()
        self._recover()
        self._finish()

    def do_write(self) -> None:
        partition = self.random.choice(self.partitions)
        gap = self.random.choice([0] * 9 + [3])
        self.kafka.append(partition, self._value(partition), self.now, gap)

    def do_poll(self) -> None:
        worker = self.random.choice(self.workers)
        batch, moved = {}, {}
        for partition, position in worker.positions.items():
            if partition in worker.lane.paused():
                continue
            records = [r for r in self.kafka.logs[partition] if r.offset >= position][: self.random.randint(1, 12)]
            end = records[-1].offset + 1 if records else position
            if records:
                batch[partition] = records
            moved[partition] = worker.positions[partition] = end
        worker.lane.receive(batch, moved, self.now)
        self._take(worker)

    def do_arrive(self) -> None:
        under_way = [one for worker in self.workers for one in worker.wire if one.answer is None]
        if under_way:
            one = self.random.choice(under_way)
            one.answer = self.vendor.arrive(one.send, one.account)

    def do_hear(self) -> None:
        worker = self.random.choice(self.workers)
        answered = [one for one in worker.wire if one.answer is not None]
        if answered:
            self._hear(worker, self.random.choice(answered))

    def do_acknowledge(self) -> None:
        worker = self.random.choice(self.workers)
        if worker.produced:
            produce = worker.produced.pop(self.random.randrange(len(worker.produced)))
            if self.random.random() < 0.2:
                worker.lane.unacknowledged(produce.letter, self.now, too_large=False, why="refused")
            else:
                self.kafka.bury(produce)
                worker.lane.acknowledged(produce.letter, self.now)
        self._take(worker)

    def do_commit(self) -> None:
        worker = self.random.choice(self.workers)
        positions = worker.lane.commit(self.now)
        if positions:
            worker.committing = dict(positions)

    def do_commit_answer(self) -> None:
        worker = self.random.choice(self.workers)
        if worker.committing is not None:
            self._answer_commit(worker, ok=self.random.random() < 0.9)

    def do_pass_time(self) -> None:
        self.now += self.random.choice([0.01, 0.3, 1.0, 5.0, 30.0])
        self.vendor.heal(self.now - SICK_FOR)
        for worker in self.workers:
            self._let_time_pass(worker)

    def do_move(self) -> None:
        """A clean rebalance: drained, or cut at the bound."""
        partition = self.random.choice(self.partitions)
        worker, to = self.owner[partition], self.random.choice(self.workers)
        worker.lane.revoke([partition])
        self._take(worker)
        if self.clean or self.random.random() < 0.7:
            self._drain(worker, partition)
        elif self.random.random() < 0.5:
            self._cut_at_the_bound(worker, partition)
        last = self._last_positions(worker, partition)
        for one in list(worker.wire):
            if self._is_of(one, partition):
                self._cut(worker, one)
        self.kafka.commit(last)
        worker.positions.pop(partition)
        self._take(worker)
        self._give(partition, to)

    def do_lease(self) -> None:
        """A worker does not know whether it is still a member: it stands, and finds out that it is."""
        lane = self.random.choice(self.workers).lane
        lane.lease_until = self.random.choice([self.now, self.now + 3.0, float("inf"), float("inf")])

    def do_withhold(self) -> None:
        """A request was not written, since the lease ran out last before."""
        worker = self.random.choice(self.workers)
        waiting = [one for one in worker.wire if one.answer is None]
        if waiting:
            one = self.random.choice(waiting)
            worker.wire.remove(one)
            worker.lane.answer([(one.send, WITHHELD)], self.now)
            self._take(worker)

    def do_crash(self) -> None:
        """A process dies; what it had on the wire arrives before anybody takes over, or never."""
        worker = self.random.choice(self.workers)
        for one in worker.wire:
            if one.answer is None and self.random.random() < 0.5:
                self.vendor.arrive(one.send, one.account)
        for produce in worker.produced:
            if self.random.random() < 0.5:
                self.kafka.bury(produce)
        if worker.committing and self.random.random() < 0.5:
            self.kafka.commit(worker.committing)
        self.workers.remove(worker)
        self.workers.append(self._worker())
        for partition in [one for one, who in self.owner.items() if who is worker]:
            self._give(partition, self.random.choice(self.workers))

    def do_trouble(self) -> None:
        """A user falls sick or is limited, or recovers."""
        user = self._user()
        crowd = self.random.choice([self.vendor.sick, self.vendor.slowed])
        for key in sorted(self._keys_of(user)):
            if crowd.pop(key, None) is None and key not in self.have_been_sick:
                crowd[key] = self.now
                self.have_been_sick.add(key)

    def do_weather(self) -> None:
        """The vendor as a whole changes; a firewall that wavers does so seldom and not for long."""
        if self.now < self.mode_until:
            return
        modes: list[Mode] = ["up", "up", "down", "refusing", "limited", "page"]
        if self.now >= self.quiet_until:
            modes.append("flaky")
        self.vendor.mode = self.random.choice(modes)
        self.mode_until = self.now + self.random.choice([2.0, 20.0, 120.0])
        if self.vendor.mode == "flaky":
            self.quiet_until = self.now + WINDOW
            self.mode_until = self.now + 20.0

    def do_change_secret(self) -> None:
        """The vendor's secret changes, and back: until then its logins, or nobody's, are refused."""
        if self.logs_in:
            self.vendor.secret = self.random.choice(["right", "right", "changed"])
            self.vendor.tokens.clear()

    def do_grow(self) -> None:
        """The topic gains a partition, which has events before anybody knows of it."""
        partition = TopicPartition("a", 2)
        if partition not in self.partitions and self.random.random() < 0.3:
            self.kafka.add(partition)
            self.partitions.append(partition)
            self.written[partition] = {}
            for _ in range(3):
                self.kafka.append(partition, self._value(partition), self.now)
                self.now += 0.5
            self._give(partition, self.random.choice(self.workers))

    # --- its parts

    def _worker(self) -> Worker:
        account = Account(logs_in=self.logs_in)
        return Worker(self.lane_of(account, self.policy, self.random), account)

    def _give(self, partition: TopicPartition, worker: Worker) -> None:
        assigned = self.kafka.assign(partition, self.start_at, self.now)
        self.owner[partition] = worker
        worker.positions[partition] = assigned.position.offset
        worker.lane.assign([assigned])
        self._take(worker)

    def _user(self) -> str:
        return f"u{self.random.randrange(self.users)}"

    def _key(self, user: str, partition: TopicPartition) -> str:
        """Some are in every partition: one open flow in a process, but no order and no merge across them."""
        return user if user in ("u0", "u1") else f"{user}.{partition.topic}{partition.partition}"

    def _keys_of(self, user: str) -> set[str]:
        return {self._key(user, partition) for partition in self.partitions}

    def _value(self, partition: TopicPartition) -> bytes | None:
        match self.random.random():
            case luck if luck < 0.02:
                return None
            case luck if luck < 0.05:
                return b"no json"
            case luck if luck < 0.15:
                members = [self._message(partition) for _ in range(self.random.randint(1, 6))]
                return orjson.dumps({"batch": members})
            case _:
                return orjson.dumps(self._message(partition))

    def _message(self, partition: TopicPartition) -> dict[str, Any]:
        self.made += 1
        user = self._user()
        one, key = f"e{self.made}", self._key(user, partition)
        message: dict[str, Any] = {"messageId": one, "userId": key, "type": "track", "event": "x"}
        luck = self.random.random()
        if luck < 0.05:
            return {**message, "integrations": {"Model": False}}
        if luck < 0.08:
            return {**message, "properties": {"nothing": True}}
        if luck < 0.12:
            self._poison(one)
        if self.random.random() < 0.4:
            message |= {"type": "identify", "traits": {f"p{self.made}": self.made}}
        self.written[partition].setdefault(key, []).append(one)
        return message

    def _poison(self, one: str) -> None:
        status, fate = self.random.choice(
            [(400, "refused"), (403, "wrong-setup"), (500, "retries-exhausted"), (429, "retries-exhausted")]
        )
        self.vendor.poison[one] = status
        self.fates[one] = fate

    def _let_time_pass(self, worker: Worker) -> None:
        worker.lane.tick(self.now)
        self._take(worker)

    def _take(self, worker: Worker) -> None:
        """After any input: everything that may be sent is sent."""
        while effects := worker.lane.take(self.now, 1 + self.seed % 4):
            for effect in effects:
                if isinstance(effect, ReadSecrets):
                    worker.account = Account(secret=self.vendor.secret, logs_in=self.logs_in)
                    worker.lane.secrets(worker.account, [], self.now)
                else:
                    self._put_on_the_wire(worker, effect)
        worker.produced.extend(worker.lane.produces(self.now))
        worker.lane.notes.clear()

    def _put_on_the_wire(self, worker: Worker, send: Send) -> None:
        if send.conversation is not None:
            key = send.conversation.user.key
            if any(one.send.conversation is not None and one.send.conversation.user.key == key for one in worker.wire):
                raise Broken(f"two flows of {key} are open at once")
        account = worker.account if send.conversation is None else send.conversation.settings
        assert isinstance(account, Account)
        worker.wire.append(OnTheWire(send, account))

    def _hear(self, worker: Worker, one: OnTheWire) -> None:
        worker.wire.remove(one)
        assert one.answer is not None
        before = worker.lane.state
        worker.lane.answer([(one.send, one.answer)], self.now)
        flow = one.send.conversation
        if flow is not None and not flow.user.assignment.gone and isinstance(one.answer, Response):
            heard = Heard.of(one.send, one.answer, self.now)
            if worker.lane.state is not before:
                self._check_confirmed(worker, heard)
            worker.heard.append(heard)
        self._take(worker)

    def _check_confirmed(self, worker: Worker, last: Heard) -> None:
        """A refusal holds the lane only with an earlier one of the same operation, and no 2xx of it between them."""
        if worker.lane.state not in (State.SETUP, State.LIMITED):
            return
        same = [one for one in worker.heard if one.operation == last.operation]
        for at, first in enumerate(same):
            better = any(one.status == 200 and one.sent > first.at for one in same[at:])
            if (
                (first.status == 429) == (last.status == 429)
                and first.status >= 400
                and last.sent > first.at
                and not better
            ):
                return
        raise Broken(f"held as {worker.lane.state.value} without a confirmation of {last}")

    def _is_of(self, one: OnTheWire, partition: TopicPartition) -> bool:
        flow = one.send.conversation
        return flow is not None and flow.user.assignment.partition == partition

    def _drain(self, worker: Worker, partition: TopicPartition) -> None:
        worker.lane.lease_until = float("inf")  # Kafka answers: it is Kafka that asks for the partition
        for _ in range(2000):
            if worker.lane.drained([partition]):
                return
            for one in list(worker.wire):
                if one.answer is None:
                    one.answer = self.vendor.arrive(one.send, one.account)
                self._hear(worker, one)
            for produce in worker.produced:
                self.kafka.bury(produce)
                worker.lane.acknowledged(produce.letter, self.now)
            worker.produced.clear()
            self.now += 0.05
            self._let_time_pass(worker)
        raise Broken("a drain never ends, although everything is answered")

    def _cut_at_the_bound(self, worker: Worker, partition: TopicPartition) -> None:
        """Its connections are closed: what was on them arrived, or not."""
        worker.lane.cut([partition])
        for one in [one for one in worker.wire if self._is_of(one, partition)]:
            if one.answer is None and self.random.random() < 0.5:
                self.vendor.arrive(one.send, one.account)
            worker.wire.remove(one)
            worker.lane.answer([(one.send, CUT)], self.now)
        self._take(worker)

    def _last_positions(self, worker: Worker, partition: TopicPartition) -> dict[TopicPartition, Any]:
        if worker.committing is not None:
            worker.committing.pop(partition, None)
        return dict(worker.lane.release([partition]))

    def _cut(self, worker: Worker, one: OnTheWire) -> None:
        """A request whose partition is gone: it arrived before the move, or never; its answer comes all the same."""
        if one.answer is None:
            one.answer = self.vendor.arrive(one.send, one.account)
        self._hear(worker, one)

    def _answer_commit(self, worker: Worker, *, ok: bool) -> None:
        positions, worker.committing = worker.committing or {}, None
        if ok:
            self.kafka.commit(positions)
        worker.lane.committed(positions, None if ok else "CommitFailedError")

    # --- the end

    def _recover(self) -> None:
        self.vendor.mode = "up"
        self.vendor.sick.clear()
        self.vendor.slowed.clear()
        for worker in self.workers:
            worker.lane.lease_until = float("inf")

    def _finish(self) -> None:
        """Everything is well but the poison: all must be settled and committed, and nobody holds for ever."""
        end = self.now + FINISHED
        self.well_since = self.now
        while self.now < end:
            self._one_round()
            if self._is_done():
                self._check_the_end()
                return
        raise Broken(f"pending for ever: {[worker.lane.standing() for worker in self.workers]}")

    def _one_round(self) -> None:
        for partition in self.partitions:
            self.made += 1
            healthy = {
                "messageId": f"e{self.made}",
                "userId": f"w{self.made}.{partition.topic}{partition.partition}",
                "type": "track",
                "event": "x",
            }
            self.written[partition].setdefault(healthy["userId"], []).append(healthy["messageId"])
            if self.made % 5 == 0:
                healthy |= {"type": "identify"}
            self.kafka.append(partition, orjson.dumps(healthy), self.now)
        for _ in range(12):
            self.now += 0.5
            for worker in self.workers:
                self._round_of(worker)
        self.now += self.random.choice([1.0, 15.0])
        self._check_lanes()

    def _round_of(self, worker: Worker) -> None:
        self._poll_all(worker)
        self._let_time_pass(worker)
        for one in list(worker.wire):
            if one.answer is None:
                one.answer = self.vendor.arrive(one.send, one.account)
            self._hear(worker, one)
        for produce in worker.produced:
            self.kafka.bury(produce)
            worker.lane.acknowledged(produce.letter, self.now)
        worker.produced.clear()
        self._take(worker)
        if worker.committing is not None:
            self._answer_commit(worker, ok=True)
        worker.committing = dict(worker.lane.commit(self.now)) or None

    def _poll_all(self, worker: Worker) -> None:
        batch = {}
        for partition, position in worker.positions.items():
            if partition not in worker.lane.paused():
                batch[partition] = [r for r in self.kafka.logs[partition] if r.offset >= position]
                worker.positions[partition] = self.kafka.ends[partition]
        ends = {partition: worker.positions[partition] for partition in batch}
        worker.lane.receive({one: records for one, records in batch.items() if records}, ends, self.now)

    def _is_done(self) -> bool:
        """Only what was written in the last round may be open still."""
        told = all(any(reason == self.fates[one] for reason in self._reasons_of(one)) for one in self._owed())
        return told and all(not worker.lane.standing().keys_failing and worker.lane.idle for worker in self.workers)

    def _owed(self) -> list[str]:
        return [one for ids in self._logs() for one in ids if one in self.fates]

    def _logs(self) -> list[list[str]]:
        return [ids for users in self.written.values() for ids in users.values()]

    # --- the promises

    def _check_lanes(self) -> None:
        for worker in self.workers:
            standing = worker.lane.standing()
            if standing.imbalance:
                raise Broken(f"the books are off by {standing.imbalance}: {standing}")
            if self.well_since is not None and standing.held_since is not None and standing.pending:
                held = self.now - max(self.well_since, standing.held_since)
                if held > RECOVERED:
                    raise Broken(f"the vendor is well, and the lane holds still: {standing}")
            leaving = any(one.leaving for one in worker.lane._intake.assignments.values())
            if not (worker.wire or worker.produced or leaving or waits_for(standing, self.now)):
                raise Broken(f"a wait without a name, for which the watchdog would bark: {standing}")

    def _check_orders(self) -> None:
        for users in self.written.values():
            for key, ids in users.items():
                self._check_order(key, ids)

    def _check_order(self, key: str, ids: list[str]) -> None:
        """A user's arrivals read like its log: rewound perhaps, never skipped."""
        place = {one: at for at, one in enumerate(ids)}
        reached = -1
        for one in self.vendor.accepted.get(key, ()):
            if one not in place:
                continue  # the same user's, in another topic's partition
            at = place[one]
            skipped = [ids[i] for i in range(reached + 1, at) if not self._reasons_of(ids[i])]
            if skipped:
                raise Broken(f"{one} of {key} came before {skipped}")
            reached = at

    def _reasons_of(self, one: str) -> list[str]:
        return self._buried().get(one, [])

    def _buried(self) -> dict[str, list[str]]:
        """Message id → the reasons of its dead letters."""
        if len(self.kafka.dead) != getattr(self, "_buried_at", -1):
            self._buried_at = len(self.kafka.dead)
            self._buried_ids = {self._id_at(origin): reasons for origin, reasons in self.kafka.dead.items()}
        return self._buried_ids

    def _id_at(self, origin: str) -> str:
        topic, partition, offset, member = origin.split("/")
        log = self.kafka.logs[TopicPartition(topic, int(partition))]
        record = next(r for r in log if r.offset == int(offset))
        if record.value is None or not record.value.startswith(b"{"):
            return origin
        message = orjson.loads(record.value)
        return str(message["batch"][int(member)]["messageId"] if "batch" in message else message["messageId"])

    def _check_the_end(self) -> None:
        accepted = {one for ids in self.vendor.accepted.values() for one in ids}
        for ids in self._logs():
            for one in ids:
                reasons = self._reasons_of(one)
                if one in self.fates:
                    if set(reasons) != {self.fates[one]}:
                        raise Broken(f"{one} was to be given up as {self.fates[one]}, and was as {reasons}")
                elif reasons and not self._was_out_of_tries(one, ids):
                    raise Broken(f"{one} was given up ({reasons}), and nothing was wrong with it")
                elif one not in accepted:
                    raise Broken(f"{one} was lost")
        self._check_orders()
        self._check_repeats()
        self._check_profiles()
        self._check_broken_records()

    def _was_out_of_tries(self, one: str, ids: list[str]) -> bool:
        """Once a user's window has run out, its next events get one witnessed attempt; this one's answer was lost."""
        earlier = ids[: ids.index(one)]
        return one in self.vendor.unanswered and "retries-exhausted" in {self.fates.get(other) for other in earlier}

    def _check_repeats(self) -> None:
        """Without crashes and lost answers nothing comes twice, whatever was moved or finished out of order."""
        came = Counter(one for ids in self.vendor.accepted.values() for one in ids)
        twice = sorted(one for one, times in came.items() if times > 1)
        if self.clean and twice:
            raise Broken(f"{twice} came twice")

    def _check_profiles(self) -> None:
        """Read, merge, write lost nobody's property."""
        accepted = {one: key for key, ids in self.vendor.accepted.items() for one in ids}
        for log in self.kafka.logs.values():
            for message in (m for r in log for m in _messages(r.value)):
                for name in message.get("traits", {}):
                    key = accepted.get(message["messageId"])
                    if key is not None and "." in key and name not in self.vendor.profiles[key]:
                        raise Broken(f"{key} lost its property {name}")

    def _check_broken_records(self) -> None:
        for partition, log in self.kafka.logs.items():
            for record in log:
                if record.value == b"no json":
                    origin = f"{partition.topic}/{partition.partition}/{record.offset}/0"
                    if self.kafka.dead.get(origin, [])[:1] != ["not-json"]:
                        raise Broken(f"the broken record {origin} is in no dead letter")


def _messages(value: bytes | None) -> list[dict[str, Any]]:
    if value is None or not value.startswith(b"{"):
        return []
    message = orjson.loads(value)
    members: list[dict[str, Any]] = message.get("batch", [message])
    return members
