"""Who tries while a lane holds: one at a time, another user each time, never-failed ones first."""

from __future__ import annotations

from mappings.contract import Request
from tests.builders import a_record, an_event
from tests.core.virtual import P0
from tests.simulation.destination import DESTINATION, Account
from worker.core.concurrency import Concurrency
from worker.core.conversation import Conversation
from worker.core.holds.gate import Gate
from worker.core.holds.states import Signal, State
from worker.core.items import Assignment, Item, User
from worker.core.ledger import Ledger
from worker.core.probes import Probes
from worker.core.queues import Queues
from worker.core.retry import Trouble


class Held:
    """A lane that holds, and users who wait in it."""

    def __init__(self, signal: Signal = Signal.TRIPPED) -> None:
        self.gate = Gate(Concurrency(10, adaptive=False))
        self.gate.signal(signal, 0.0)
        self.queues = Queues()
        self.assignment = Assignment(P0, Ledger(0))
        self.probes = Probes(self.gate, self.queues, {P0: self.assignment})
        self.arrivals = 0

    def user(self, key: str, *, failed: bool = False) -> User:
        user = self.assignment.users.setdefault(key, User(key, self.assignment))
        self.arrivals += 1
        self.queues.add(Item(user, a_record(), 0, an_event(user_id=key), self.arrivals, 0, alone=True))
        user.trouble = Trouble(first=0.0, last=0.0) if failed else None
        return user

    def flow(self, user: User, operation: str = "") -> Conversation:
        flow = user.conversation = Conversation((user.waiting[0],), DESTINATION, Account())
        if operation:
            flow.request = Request("GET", "https://vendor.example/", operation)
        return flow

    def probe(self) -> str:
        """The next probe's user; it fails."""
        chosen = self.probes.choose(())
        assert isinstance(chosen, User)
        self.probes.begin(self.flow(chosen))
        self.probes.failed(0.0, None)
        self.queues.sleep(chosen, 60.0)
        chosen.trouble = Trouble(first=0.0, last=0.0)
        return chosen.key


def test_users_who_never_failed_try_first_and_then_each_in_turn() -> None:
    held = Held()
    for key, failed in (("a", True), ("b", True), ("c", False), ("d", False)):
        held.user(key, failed=failed)
    assert ["c", "d", "a", "b", "c", "d"] == [held.probe() for _ in range(6)]


def test_a_flow_that_waits_for_its_next_request_may_try() -> None:
    held = Held()
    waits, younger = held.user("a"), held.user("b")
    held.queues.grab(waits)
    flow = held.flow(waits, "track")
    assert flow is held.probes.choose([flow])
    assert younger is held.probes.choose([])


def test_whose_next_request_is_another_operation_than_the_refused_one_tries_after_the_others_but_tries() -> None:
    held = Held(Signal.SETUP_REFUSED)
    held.gate.operation = "write"
    elsewhere, here, _ = (held.user(key, failed=True) for key in ("a", "b", "c"))
    held.flow(elsewhere, "track")
    held.flow(here, "write")
    assert ["b", "c", "a", "b"] == [held.probe() for _ in range(4)]


def test_a_user_whose_key_is_open_elsewhere_does_not_try() -> None:
    held = Held()
    held.queues.grab(held.user("a"))
    held.assignment.users["b"] = User("a", held.assignment)  # the same key, as another partition would have it
    assert held.probes.choose([]) is None


def test_secrets_are_read_for_each_probe_of_a_refused_set_up_and_once_for_each() -> None:
    held = Held(Signal.SETUP_REFUSED)
    held.user("a")
    assert held.probes.wants_secrets(logs_in=False)
    held.probes.secrets_read()
    assert not held.probes.wants_secrets(logs_in=False)
    held.probe()
    assert held.probes.wants_secrets(logs_in=False)


def test_no_secrets_are_read_for_other_holds_but_for_a_login() -> None:
    held = Held(Signal.TRIPPED)
    assert [False, True] == [held.probes.wants_secrets(logs_in=logs_in) for logs_in in (False, True)]


def test_a_hold_that_everybody_brought_about_is_not_questioned() -> None:
    held = Held()
    held.user("a")
    due = held.gate.probe_at
    held.probes.question(None, 1.0)
    assert (State.BREAKER, due) == (held.gate.state, held.gate.probe_at)


def test_only_another_user_who_never_failed_and_never_tried_questions_what_one_alone_brought_about() -> None:
    held = Held()
    alone = held.user("a")
    held.user("b", failed=True)
    held.user("c").probed = 1
    due = held.gate.probe_at
    held.probes.question(alone, 1.0)
    assert due == held.gate.probe_at
    held.user("d")
    held.probes.question(alone, 1.0)
    assert held.gate.probe_at == 1.0


def test_nothing_is_questioned_while_somebody_tries_or_may() -> None:
    held = Held()
    alone = held.user("a")
    held.user("b")
    held.gate.probing()
    held.probes.question(alone, 1.0)
    assert held.gate.probe_at is None
    held.gate.probe_failed(2.0)
    due = held.gate.probe_at
    held.probes.question(alone, 99.0)
    assert due == held.gate.probe_at


def test_a_probe_that_ended_without_a_word_lets_the_next_try_at_once() -> None:
    held = Held()
    held.probes.begin(held.flow(held.user("a")))
    held.probes.ended(7.0)
    assert (None, 7.0) == (held.probes.flow, held.gate.probe_at)


def test_another_partitions_end_is_nothing_to_the_probe() -> None:
    held = Held()
    flow = held.flow(held.user("a"))
    held.probes.begin(flow)
    held.probes.abandon(Assignment(P0, Ledger(0)))
    assert (flow, True) == (held.probes.flow, flow.probe)
    held.probes.abandon(held.assignment)
    assert (None, False) == (held.probes.flow, flow.probe)
    held.probes.abandon(held.assignment)
