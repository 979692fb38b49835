from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.builders import a_record, a_user, an_assignment, an_item
from worker.core.items import Folded, Item, User, UserState
from worker.core.queues import Queues
from worker.core.retry import Trouble


def add(queues: Queues, user: User, *arrivals: int, bytes: int = 100) -> None:  # noqa: A002
    for arrival in arrivals:
        queues.add(an_item(user, arrival=arrival, bytes=bytes))


def taken(queues: Queues) -> list[str]:
    """The keys of everybody who may go now, in their order."""
    users = iter(queues.take, None)
    return [user.key for user in users]


def served(queues: Queues, user: User) -> None:
    """The flow of the user's head event has ended well."""
    unfold(queues, user)
    queues.settled(user.waiting[0])
    queues.release(user.key)
    if user.head is not None:
        queues.ready(user)


def folded(arrival: int, *, bytes: int = 10, share: int = 100) -> Folded:  # noqa: A002
    return Folded(a_record(offset=arrival), 0, arrival, bytes, share, alone=True)


def unfold(queues: Queues, user: User) -> None:
    """All of a user's events are decoded."""
    for each in user.behind:
        queues.unfold(an_item(user, arrival=each.arrival, bytes=each.share), each)
    user.behind.clear()


# --- Who is next


def test_nobody_is_next_where_nothing_waits() -> None:
    assert Queues().take() is None


def test_users_go_by_the_arrival_of_their_head_event() -> None:
    queues, home = Queues(), an_assignment()
    for key, arrival in (("u2", 2), ("u1", 1), ("u3", 3)):
        add(queues, a_user(key, assignment=home), arrival)
    assert ["u1", "u2", "u3"] == taken(queues)


def test_a_user_is_served_one_event_after_another() -> None:
    queues, user = Queues(), a_user()
    add(queues, user, 1, 2)
    assert user is queues.take()
    assert queues.take() is None
    served(queues, user)
    assert user is queues.take()


def test_a_busy_user_stands_behind_those_whose_event_came_before_its_next_one() -> None:
    queues, home = Queues(), an_assignment()
    busy, other = a_user("busy", assignment=home), a_user("other", assignment=home)
    add(queues, busy, 1)
    add(queues, other, 2)
    add(queues, busy, 3)
    assert busy is queues.take()
    served(queues, busy)
    assert ["other", "busy"] == taken(queues)


def test_an_event_that_arrives_while_its_user_is_open_waits_behind_it() -> None:
    queues, user = Queues(), a_user()
    add(queues, user, 1)
    queues.take()
    add(queues, user, 2)
    assert queues.take() is None
    assert UserState.OPEN is user.state


def test_an_event_that_arrives_while_its_user_sleeps_waits_too() -> None:
    queues, user = Queues(), a_user()
    add(queues, user, 1)
    queues.take()
    queues.sleep(user, until=10.0)
    add(queues, user, 2)
    assert queues.take() is None


# --- One flow for a key, whatever the partition


def test_a_key_that_is_open_in_one_partition_waits_in_the_other() -> None:
    queues = Queues()
    here, there = (a_user("u1", assignment=an_assignment(partition=number)) for number in (0, 1))
    add(queues, here, 1)
    add(queues, there, 2)
    assert here is queues.take()
    assert queues.take() is None
    assert not queues.is_free("u1")
    served(queues, here)
    assert queues.is_free("u1")
    assert there is queues.take()


def test_a_rival_that_is_asked_twice_is_ready_once() -> None:
    queues = Queues()
    here, there = (a_user("u1", assignment=an_assignment(partition=number)) for number in (0, 1))
    add(queues, here, 1)
    add(queues, there, 2)
    queues.take()
    assert not queues.grab(there)
    assert not queues.grab(there)
    served(queues, here)
    assert [there, None] == [queues.take(), queues.take()]


def test_a_sleeper_leaves_its_key_to_the_other_partition() -> None:
    queues = Queues()
    here, there = (a_user("u1", assignment=an_assignment(partition=number)) for number in (0, 1))
    add(queues, here, 1)
    add(queues, there, 2)
    queues.take()
    queues.sleep(here, until=10.0)
    assert there is queues.take()
    queues.wake(10.0)
    assert queues.take() is None
    served(queues, there)
    assert here is queues.take()


def test_the_key_of_a_dropped_partition_is_taken_until_its_answer() -> None:
    queues = Queues()
    gone, back = an_assignment(), an_assignment()
    add(queues, a_user("u1", assignment=gone), 1)
    queues.take()
    queues.drop(gone)
    user = a_user("u1", assignment=back)
    add(queues, user, 2)
    assert queues.take() is None
    queues.release("u1")
    assert user is queues.take()


def test_a_rival_that_was_dropped_meanwhile_is_forgotten() -> None:
    queues, gone = Queues(), an_assignment(partition=1)
    here = a_user("u1")
    add(queues, here, 1)
    add(queues, a_user("u1", assignment=gone), 2)
    queues.take()
    assert queues.take() is None
    queues.drop(gone)
    served(queues, here)
    assert not queues.any_ready


def test_to_release_a_key_that_is_free_changes_nothing() -> None:
    queues = Queues()
    queues.release("u1")
    assert queues.is_free("u1")


# --- Sleepers


def test_a_sleeper_wakes_at_its_time_and_not_before() -> None:
    queues, user = Queues(), a_user()
    add(queues, user, 1)
    queues.take()
    queues.sleep(user, until=10.0)
    assert 10.0 == queues.next_wake
    queues.wake(9.9)
    assert queues.take() is None
    queues.wake(10.0)
    assert [None, user] == [queues.next_wake, queues.take()]


def test_a_sleeper_that_was_taken_to_probe_and_sleeps_again_is_not_woken_by_its_first_sleep() -> None:
    queues, user = Queues(), a_user()
    add(queues, user, 1)
    queues.take()
    queues.sleep(user, until=10.0)
    probe(queues, user)
    queues.sleep(user, until=20.0)
    queues.wake(10.0)
    assert queues.take() is None
    queues.wake(20.0)
    assert user is queues.take()


def test_a_sleeper_that_was_taken_to_probe_is_not_woken_while_it_is_open() -> None:
    queues, user = Queues(), a_user()
    add(queues, user, 1)
    queues.take()
    queues.sleep(user, until=10.0)
    probe(queues, user)
    queues.wake(10.0)
    assert UserState.OPEN is user.state


def test_a_user_that_a_probe_took_past_the_queue_does_not_go_before_its_turn_later() -> None:
    queues, home = Queues(), an_assignment()
    first, second = a_user("u1", assignment=home), a_user("u2", assignment=home)
    add(queues, first, 1)
    add(queues, second, 2)
    add(queues, first, 3)
    probe(queues, first)
    served(queues, first)
    assert ["u2", "u1"] == taken(queues)


# --- Partitions that leave


def test_nothing_is_taken_from_a_partition_that_leaves() -> None:
    queues, home = Queues(), an_assignment()
    add(queues, a_user(assignment=home), 1)
    home.leaving = True
    assert queues.take() is None


def test_what_a_partition_still_had_is_told_when_it_is_dropped() -> None:
    queues, stays, leaves = Queues(), an_assignment(partition=0), an_assignment(partition=1)
    asleep, awake = a_user("u2", assignment=leaves), a_user("u3", assignment=leaves)
    add(queues, asleep, 2, 3, bytes=10)
    probe(queues, asleep)
    queues.sleep(asleep, until=9.0)
    add(queues, a_user("u1", assignment=stays), 1)
    add(queues, awake, 4, bytes=1)
    assert 3 == queues.drop(leaves)
    assert (1, 100) == (queues.events, queues.bytes)
    assert {} == leaves.users
    assert queues.next_wake is None
    assert ["u1"] == taken(queues)


def test_nothing_is_kept_of_a_partition_that_was_dropped() -> None:
    queues, leaves = Queues(), an_assignment()
    asleep = a_user("u1", assignment=leaves)
    add(queues, asleep, 1)
    probe(queues, asleep)
    queues.sleep(asleep, until=9.0)
    add(queues, a_user("u2", assignment=leaves), 2)
    queues.drop(leaves)
    assert (False, None) == (queues.any_ready, queues.next_wake)


def test_those_who_stay_keep_their_order_when_a_partition_is_dropped() -> None:
    queues, stays, leaves = Queues(), an_assignment(partition=0), an_assignment(partition=1)
    for arrival in (7, 3, 8, 1, 9, 2, 5, 4, 6, 0):
        home = stays if arrival % 3 else leaves
        add(queues, a_user(f"u{arrival}", assignment=home), arrival)
    queues.drop(leaves)
    assert ["u1", "u2", "u4", "u5", "u7", "u8"] == taken(queues)


def test_those_who_stay_wake_in_their_order_when_a_partition_is_dropped() -> None:
    queues, stays, leaves = Queues(), an_assignment(partition=0), an_assignment(partition=1)
    for number in (7, 3, 8, 1, 9, 2, 5, 4, 6, 0):
        user = a_user(f"u{number}", assignment=stays if number % 3 else leaves)
        add(queues, user, number)
        probe(queues, user)
        queues.sleep(user, until=float(number))
    queues.drop(leaves)
    woken = []
    for now in range(10):
        queues.wake(float(now))
        woken += [(now, key) for key in taken(queues)]
    assert [(number, f"u{number}") for number in (1, 2, 4, 5, 7, 8)] == woken


# --- Users are forgotten


def test_a_user_without_events_is_forgotten() -> None:
    queues, user = Queues(), a_user()
    add(queues, user, 1, bytes=100)
    queues.take()
    served(queues, user)
    assert {} == user.assignment.users
    assert (0, 0) == (queues.events, queues.bytes)


def test_a_user_in_trouble_is_remembered_without_events() -> None:
    queues, user = Queues(), a_user()
    add(queues, user, 1)
    queues.take()
    user.trouble = Trouble(first=1.0, last=1.0)
    served(queues, user)
    assert {"u1": user} == user.assignment.users


# --- Whatever the schedule


def probe(queues: Queues, user: User) -> None:
    """As a probe takes somebody: past the order, from sleep as well."""
    user.state = UserState.READY
    assert queues.grab(user)


class Schedules(RuleBasedStateMachine):
    """Adds, takes, sleeps, settles and drops in any order, beside the plainest account of what must be there."""

    def __init__(self) -> None:
        super().__init__()
        self.queues = Queues()
        self.now = 0.0
        self.made = 0
        self.homes = [an_assignment(partition=number) for number in range(2)]
        self.open: dict[str, User] = {}  # by key; a flow of a dropped partition stands here until its answer
        self.dead_lettering: list[User] = []
        self.waiting: dict[User, list[Item | Folded]] = {}

    def users(self, *states: UserState) -> list[User]:
        return [user for user, items in self.waiting.items() if items and user.state in states]

    def pick(self, data: st.DataObject, among: list[User]) -> User:
        return among[data.draw(st.integers(0, len(among) - 1))]

    @rule(home=st.integers(0, 1), key=st.sampled_from("abc"), size=st.integers(1, 9))
    def an_event_arrives(self, home: int, key: str, size: int) -> None:
        user = a_user(key, assignment=self.homes[home])
        self.made += 1
        item = an_item(user, arrival=self.made, bytes=size)
        if user.behind:
            return
        self.waiting.setdefault(user, []).append(item)
        self.queues.add(item)

    @rule(home=st.integers(0, 1), key=st.sampled_from("abc"), size=st.integers(1, 9), share=st.integers(1, 99))
    def an_event_arrives_that_is_not_near(self, home: int, key: str, size: int, share: int) -> None:
        user = a_user(key, assignment=self.homes[home])
        self.made += 1
        one = folded(self.made, bytes=size, share=share)
        self.waiting.setdefault(user, []).append(one)
        self.queues.fold(user, one)

    def settle(self, user: User) -> None:
        """The head event of a user."""
        unfold(self.queues, user)
        assert [each.arrival for each in self.waiting[user]] == [item.arrival for item in user.waiting]
        self.waiting[user] = [*user.waiting[1:]]
        self.queues.settled(user.waiting[0])

    @rule()
    def somebody_is_taken(self) -> None:
        may_go = [user for user in self.users(UserState.READY) if user.key not in self.open]
        expected = min(may_go, key=lambda user: self.waiting[user][0].arrival, default=None)
        assert expected is self.queues.take()
        if expected is not None:
            assert UserState.OPEN is expected.state
            self.open[expected.key] = expected

    @rule(data=st.data())
    def somebody_probes(self, data: st.DataObject) -> None:
        free = [user for user in self.users(UserState.READY, UserState.SLEEPING) if self.queues.is_free(user.key)]
        if free:
            user = self.pick(data, free)
            probe(self.queues, user)
            self.open[user.key] = user

    @precondition(lambda self: self.open)
    @rule(data=st.data(), events=st.integers(1, 2))
    def a_flow_ends(self, data: st.DataObject, events: int) -> None:
        user = self.pick(data, list(self.open.values()))
        del self.open[user.key]
        for _ in range(min(events, len(self.waiting[user]))):
            self.settle(user)
        self.queues.release(user.key)
        if self.waiting[user]:
            self.queues.ready(user)

    @precondition(lambda self: self.users(UserState.OPEN))
    @rule(data=st.data(), seconds=st.sampled_from([0.0, 1.0, 2.0, 5.0]))
    def a_flow_sleeps(self, data: st.DataObject, seconds: float) -> None:
        user = self.pick(data, self.users(UserState.OPEN))
        del self.open[user.key]
        self.queues.sleep(user, self.now + seconds)

    @precondition(lambda self: self.users(UserState.OPEN))
    @rule(data=st.data())
    def a_head_event_is_rejected(self, data: st.DataObject) -> None:
        user = self.pick(data, self.users(UserState.OPEN))
        del self.open[user.key]
        user.state = UserState.DEAD_LETTERING
        self.queues.release(user.key)

    @precondition(lambda self: self.users(UserState.DEAD_LETTERING))
    @rule(data=st.data())
    def a_dead_letter_is_acknowledged(self, data: st.DataObject) -> None:
        user = self.pick(data, self.users(UserState.DEAD_LETTERING))
        self.settle(user)
        if self.waiting[user]:
            self.queues.ready(user)

    @rule(seconds=st.sampled_from([0.0, 1.0, 3.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        due = [user for user in self.users(UserState.SLEEPING) if user.wakes_at <= self.now]
        self.queues.wake(self.now)
        assert all(user.state is UserState.READY for user in due)
        assert all(user.wakes_at > self.now for user in self.users(UserState.SLEEPING))

    @rule(home=st.integers(0, 1))
    def a_partition_is_dropped(self, home: int) -> None:
        leaving = self.homes[home]
        mine = [user for user in self.waiting if user.assignment is leaving]
        assert sum(len(self.waiting[user]) for user in mine) == self.queues.drop(leaving)
        for user in mine:
            self.waiting[user] = []
        leaving.gone = True
        self.homes[home] = an_assignment(partition=home)

    @invariant()
    def nothing_is_lost_or_invented(self) -> None:
        items = [item for waiting in self.waiting.values() for item in waiting]
        assert (len(items), sum(item.bytes for item in items)) == (self.queues.events, self.queues.bytes)
        assert all(waiting == [*user.waiting, *user.behind] for user, waiting in self.waiting.items())

    @invariant()
    def each_partition_knows_its_share(self) -> None:
        for home in self.homes:
            items = [item for user, waiting in self.waiting.items() for item in waiting if user.assignment is home]
            assert (len(items), sum(item.bytes for item in items)) == (home.events, home.bytes)

    @invariant()
    def one_flow_is_open_for_a_key(self) -> None:
        assert not any(self.queues.is_free(key) for key in self.open)
        assert all(self.queues.is_free(key) for key in set("abc") - set(self.open))
        assert {user for user in self.open.values() if self.waiting[user]} == set(self.users(UserState.OPEN))

    @invariant()
    def the_first_sleeper_is_known(self) -> None:
        sleepers = [user.wakes_at for user in self.users(UserState.SLEEPING)]
        assert not sleepers or (self.queues.next_wake is not None and self.queues.next_wake <= min(sleepers))

    @invariant()
    def users_without_events_are_forgotten(self) -> None:
        known = {user for home in self.homes for user in home.users.values()}
        assert {user for user, waiting in self.waiting.items() if waiting} == known

    def teardown(self) -> None:
        """Nobody starves: whoever waits is served in the end, each user's events in their order."""
        for user in list(self.open.values()):
            self.queues.release(user.key)
            if self.waiting[user]:
                self.queues.ready(user)
        while self.users(UserState.DEAD_LETTERING):
            user = self.users(UserState.DEAD_LETTERING)[0]
            self.settle(user)
            if self.waiting[user]:
                self.queues.ready(user)
        self.queues.wake(self.now + 100.0)
        self.open.clear()
        order: list[int] = []
        while (next_one := self.queues.take()) is not None:
            order.append(self.waiting[next_one].pop(0).arrival)
            served(self.queues, next_one)
        assert 0 == self.queues.events
        assert not any(self.waiting.values())
        assert sorted(order) == order


Schedules.TestCase.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
TestSchedules = Schedules.TestCase
