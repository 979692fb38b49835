"""The acts of one round, carried out in their time; then peace, and an orderly end."""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Final, assert_never

from tests.torture import acts
from tests.torture.acts import Timed
from tests.torture.fleet import Fleet, last_words, seen
from tests.torture.judge import Incident
from tests.torture.place import Place
from tests.torture.schedule import Round
from tests.whole.worker import Worker
from worker.sandbox.exchange import Destination

TICK: Final = 0.03
LOOK: Final = 1.0
# Peace may take long: a hold looks once a minute whether it is over, and who failed last waits for up to a minute.
PEACE: Final = 240.0
AFTERMATH: Final = 12.0


@dataclass(slots=True)
class Stage:
    """Everything that a round acts on. ``say`` prints a line."""

    plan: Round
    place: Place
    fleet: Fleet
    say: Callable[[str], None]
    incidents: list[Incident] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    _agenda: list[tuple[float, int, Callable[[], object]]] = field(default_factory=list)
    _order: count[int] = field(default_factory=count)
    _hands: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))
    _under_way: list[Future[None]] = field(default_factory=list)

    def run(self) -> None:
        """All acts; returns when nothing is under way any more."""
        begin = time.time()
        for timed in self.plan.acts:
            self._at(begin + timed.at, partial(self._begin, timed))
        self._at(begin + self.plan.seconds, lambda: None)
        while self._agenda or self.fleet.rolling or not all(future.done() for future in self._under_way):
            while self._agenda and self._agenda[0][0] <= time.time():
                heapq.heappop(self._agenda)[2]()
            self.fleet.tick()
            time.sleep(TICK)
        for future in self._under_way:
            future.result()
        self._hands.shutdown()

    def peace(self) -> None:
        """Nothing goes wrong any more: everything must be settled and committed before long."""
        begin = looked = time.time()
        while time.time() < begin + PEACE:
            self.fleet.tick()
            if time.time() > looked + LOOK:
                looked = time.time()
                if not self.place.behind():
                    return
            time.sleep(TICK)
        self.faults.append(f"not settled within {PEACE:.0f} s of peace: {self.place.behind()}")
        self.faults += [last_words(member) for member in self.fleet.members]

    def farewell(self) -> None:
        """Every worker balances its books, and stops in order."""
        for member in self.fleet.running:
            metrics = seen(member)
            if metrics is not None:
                for name in self.place.destinations:
                    if (0, 0) != metrics.balance(name):
                        self.faults.append(
                            f"{member.name}: the books of {name} do not balance: {metrics.balance(name)}"
                        )
        self.fleet.stop()
        while self.fleet.members:
            self.fleet.tick()
            time.sleep(TICK)

    # --- Acts

    def _at(self, moment: float, do: Callable[[], object]) -> None:
        heapq.heappush(self._agenda, (moment, next(self._order), do))

    def _later(self, seconds: float, do: Callable[[], object]) -> None:
        self._at(time.time() + seconds, do)

    def _begin(self, timed: Timed) -> None:
        self.say(f"{self.plan.seed} {timed}")
        act = timed.act
        match act:
            case acts.Crash(worker):
                self.fleet.crash(worker)
            case acts.RollingRestart():
                self.fleet.roll()
            case acts.Freeze(worker, seconds):
                member = self.fleet.freeze(worker)
                self._later(seconds, lambda: self.fleet.thaw(member, seconds))
            case acts.Visit(seconds):
                guest = self.fleet.join(self._guest())
                self._later(seconds, lambda: self.fleet.leave(guest))
            case acts.BrokerCrash(node, destination, seconds):
                self._by_hand("broker", "broker restarts", lambda: self._crash(node, destination, seconds))
            case acts.CommitsRefused(seconds):
                self._by_hand(
                    "commits refused", "refusals of commits", lambda: self.place.kafka.refuse_commits(seconds)
                )
            case acts.DeadLettersRefused(destination, seconds):
                self._by_hand(
                    "dead letters refused",
                    "refusals of dead letters",
                    lambda: self._refuse_letters(destination, seconds),
                )
            case acts.Misbehaviour(destination, _, seconds):
                self.place.vendors.misbehave(act)
                self.done[act.kind] += 1
                self._later(seconds, lambda: self.place.vendors.behave(destination))
            case acts.WrongSecret(destination, seconds):
                self.done["secrets changed"] += 1
                secret = f"secret-{next(self._order)}"
                self.place.vendors.expect(destination, secret)
                self._later(seconds, lambda: self.place.secret(destination, secret))
            case never:
                assert_never(never)

    def _by_hand(self, cause: str, noun: str, do: Callable[[], None]) -> None:
        """What blocks is done by a thread, one thing after the other."""

        def work() -> None:
            begin = time.time()
            do()
            self.done[noun] += 1
            self.incidents.append(Incident(cause, begin, time.time() + AFTERMATH))

        self._under_way.append(self._hands.submit(work))

    def _crash(self, node: int | None, destination: Destination, seconds: float) -> None:
        coordinates = node is None
        node = self.place.kafka.coordinator(f"{self.place.group}.{destination}") if node is None else node
        self.done["of coordinators"] += coordinates
        self.place.kafka.crash(node, seconds)

    def _refuse_letters(self, destination: Destination, seconds: float) -> None:
        with self.place.kafka.refusing(f"{self.place.group}.{destination}.dead-letters"):
            time.sleep(seconds)

    def _guest(self) -> Worker:
        return self.place.a_worker(f"guest-{next(self._order)}", False)
