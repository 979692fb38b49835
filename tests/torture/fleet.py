"""Workers as an orchestrator runs them: whoever ends is started again, and how each ended is remembered."""

from __future__ import annotations

import signal
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from tests.torture.judge import FROZEN, Incident
from tests.whole.metrics import Metrics
from tests.whole.worker import Worker

READY: Final = 10.0  # seconds that a rollout waits for one worker to be ready; under torture it may never be
LOOK: Final = 0.3
STOPS: Final = 75.0  # seconds in which a worker that is told to must have ended, whatever Kafka does
FENCED: Final = "another process has taken this one's place"
LINES: Final = 8
LINE: Final = 400  # characters
AFTERMATH: Final = 12.0  # seconds for which a member that is gone disturbs its group: its session, and a rebalance


@dataclass(slots=True)
class Member:
    """One place of the fleet. ``told``: when it got SIGTERM; ``killed``: it got SIGKILL; both of this life."""

    worker: Worker
    wanted: bool = True
    frozen: bool = False
    killed: bool = False
    told: float | None = None
    again: float = 0.0  # not started before

    @property
    def runs(self) -> bool:
        return self.worker.process.poll() is None

    @property
    def name(self) -> str:
        return self.worker.config.stem


@dataclass(slots=True)
class _Rollout:
    """``left``: who has not been restarted yet; the first is being waited for."""

    left: deque[Member]
    since: float = 0.0
    begun: bool = False


@dataclass(slots=True)
class Fleet:
    """``tick`` often; everything else is done in a moment. ``clock`` is Unix seconds."""

    members: list[Member]
    clock: Callable[[], float] = time.time
    done: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    fenced: list[tuple[float, str]] = field(default_factory=list)  # when, and the fault unless a broker is to blame
    incidents: list[Incident] = field(default_factory=list)
    _rollouts: deque[_Rollout] = field(default_factory=deque)
    _looked: float = 0.0

    # --- What can be done to them

    def crash(self, number: int) -> None:
        """SIGKILL; to the next one where this one is frozen: whether it comes back is to be seen."""
        member = next((each for each in self.members[number:] if not each.frozen), self.members[number])
        if member.runs:
            member.killed = True
            self._signal(member, signal.SIGKILL)
            self._incident("crash", AFTERMATH)
            self.done["crashes"] += 1

    def freeze(self, number: int) -> Member:
        member = self.members[number]
        if member.runs and not member.frozen:
            member.frozen = True
            self._signal(member, signal.SIGSTOP)
        return member

    def thaw(self, member: Member, seconds: float) -> None:
        if member.frozen:
            self._signal(member, signal.SIGCONT)
            member.frozen = False
            self.done["freezes"] += 1
            self.incidents.append(Incident(FROZEN, self.clock() - seconds, self.clock() + AFTERMATH))

    def join(self, worker: Worker) -> Member:
        """One more, until :meth:`leave`."""
        member = Member(worker.start())
        self.members.append(member)
        self._incident("join", AFTERMATH)
        self.done["visits"] += 1
        return member

    def leave(self, member: Member) -> None:
        member.wanted = False
        self._tell(member)

    def roll(self) -> None:
        """Restart one worker after the other, after whatever rollout goes on."""
        self._rollouts.append(_Rollout(deque(member for member in self.members if member.wanted)))

    def stop(self) -> None:
        """All of them, once and for all."""
        self._rollouts.clear()
        for member in self.members:
            member.wanted = False
            self._tell(member)

    # --- What goes on

    @property
    def rolling(self) -> bool:
        return bool(self._rollouts)

    @property
    def running(self) -> Sequence[Member]:
        return [member for member in self.members if member.runs]

    def tick(self) -> None:
        now = self.clock()
        for member in list(self.members):
            self._tend(member, now)
        if self._rollouts and now >= self._looked + LOOK:
            self._looked = now
            self._roll_on(self._rollouts[0], now)

    def _tend(self, member: Member, now: float) -> None:
        if member.runs:
            if member.told is not None and now > member.told + STOPS and not member.frozen:
                self.faults.append(f"{member.name} did not stop within {STOPS:.0f} s{last_words(member)}")
                member.killed = True
                self._signal(member, signal.SIGKILL)
                self._incident("crash", AFTERMATH)
            return
        if not member.again:
            self._ended(member, now)
        if not member.wanted:
            self.members.remove(member)
        elif now >= member.again:
            self._start(member)

    def _ended(self, member: Member, now: float) -> None:
        code = member.worker.process.returncode
        # SIGTERM before Python has come to the worker's own handler.
        asked = member.told is not None and code in (0, -signal.SIGTERM)
        if not member.killed and not asked:
            fault = f"{member.name} ended by itself with {code}{last_words(member)}"
            if FENCED in fault:
                self.fenced.append((now, fault))
            else:
                self.faults.append(fault)
            member.again = now + 1.0
            self.incidents.append(Incident("crash", now, now + AFTERMATH))
        else:
            member.again = now
        if asked and not member.killed:
            self.done["clean stops"] += 1

    def _start(self, member: Member) -> None:
        member.worker.start()
        member.killed = member.frozen = False
        member.told, member.again = None, 0.0

    def _roll_on(self, rollout: _Rollout, now: float) -> None:
        if not rollout.left:
            self._rollouts.popleft()
            self.done["rolling restarts"] += 1
            return
        member = rollout.left[0]
        if not rollout.begun:
            rollout.begun, rollout.since = True, now
            self._tell(member)
        elif (member.told is None and member.runs and _is_ready(member)) or now > rollout.since + READY:
            rollout.left.popleft()
            rollout.begun = False

    def _tell(self, member: Member) -> None:
        if member.runs and member.told is None:
            member.told = self.clock()
            self._signal(member, signal.SIGTERM)
            self._incident("stop", AFTERMATH)

    def _signal(self, member: Member, number: signal.Signals) -> None:
        if member.runs:
            member.worker.process.send_signal(number)

    def _incident(self, cause: str, aftermath: float) -> None:
        self.incidents.append(Incident(cause, self.clock(), self.clock() + aftermath))


@contextmanager
def a_fleet(workers: Iterable[Worker]) -> Iterator[Fleet]:
    """These, started; at the end none of them is left, nor of those that joined."""
    fleet = Fleet([Member(worker.start()) for worker in workers])
    try:
        yield fleet
    finally:
        for member in fleet.members:
            member.worker.kill()


def _is_ready(member: Member) -> bool:
    return bool(member.worker.said("partitions are assigned"))


def seen(member: Member) -> Metrics | None:
    """Its metrics; ``None`` where it cannot say any, or ends while it is asked."""
    if not member.runs or member.frozen:
        return None
    with suppress(OSError):
        return member.worker.scrape()
    return None


def last_words(member: Member) -> str:
    """What a worker was doing: the end of its log, what it waited for, and how its destinations were."""
    said = [line[:LINE] for line in member.worker.text().splitlines()[-LINES:]]
    metrics = seen(member)
    shown = () if metrics is None else filter(_tells, metrics.samples)
    lines = [f"{name} {labels} {value:g}" for name, labels, value in shown]
    return "".join(f"\n    {line}" for line in (f"{member.name}:", *said, *lines))


def _tells(sample: tuple[str, dict[str, str], float]) -> bool:
    name, _, value = sample
    return bool(value) and name in ("destination_state", "limited_by", "events_pending", "partitions_assigned")
