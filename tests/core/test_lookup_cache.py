from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mappings.contract import Response
from tests.builders import an_assignment
from worker.core.items import Assignment
from worker.core.lookup_cache import LIFETIME, LookupCache, Reading

NOW = 1_000.0
OLD = Response(200, {"age": "0"}, b"old")
NEW = Response(200, {"age": "0"}, b"new")
HOME = an_assignment()


def learn(
    cache: LookupCache, key: str, response: Response = OLD, *, owner: Assignment = HOME, now: float = NOW
) -> None:
    """A look-up was sent, and answered well."""
    cache.answered(cache.look_up(key), response, owner, now)


def known(cache: LookupCache, *keys: str, now: float = NOW) -> list[Response | None]:
    return [cache.get(key, now) for key in keys]


# --- Look-ups


def test_nothing_is_known_at_first() -> None:
    assert LookupCache().get("u1", NOW) is None


def test_a_look_up_that_was_answered_is_remembered() -> None:
    cache = LookupCache()
    learn(cache, "u1")
    assert [OLD, None] == known(cache, "u1", "u2")


def test_anything_but_a_2xx_is_not_remembered() -> None:
    cache = LookupCache()
    cache.answered(cache.look_up("u1"), None, HOME, NOW)
    assert cache.get("u1", NOW) is None


def test_a_failed_look_up_takes_away_nothing_that_is_known() -> None:
    cache = LookupCache()
    learn(cache, "u1")
    cache.answered(cache.look_up("u1"), None, HOME, NOW)
    assert OLD == cache.get("u1", NOW)


def test_of_two_look_ups_the_one_that_was_sent_last_is_remembered() -> None:
    cache = LookupCache()
    first, second = cache.look_up("u1"), cache.look_up("u1")
    cache.answered(second, NEW, HOME, NOW)
    cache.answered(first, OLD, HOME, NOW)
    assert NEW == cache.get("u1", NOW)


def test_what_is_forgotten_is_asked_anew() -> None:
    cache = LookupCache()
    learn(cache, "u1")
    learn(cache, "u2")
    cache.forget(["u1", "unknown"])
    assert [None, OLD] == known(cache, "u1", "u2")


# --- Writes


def test_a_write_forgets_its_keys_when_it_is_sent() -> None:
    cache = LookupCache()
    for key in ("u1", "mail", "u2"):
        learn(cache, key)
    cache.write(("u1", "mail"))
    assert [None, None, OLD] == known(cache, "u1", "mail", "u2")


def test_a_write_sets_its_keys_by_its_own_2xx() -> None:
    cache = LookupCache()
    cache.answered(cache.write(("u1", "mail")), NEW, HOME, NOW)
    assert [NEW, NEW] == known(cache, "u1", "mail")


def test_a_write_that_failed_leaves_nothing_known() -> None:
    cache = LookupCache()
    learn(cache, "u1")
    cache.answered(cache.write(("u1",)), None, HOME, NOW)
    assert cache.get("u1", NOW) is None


def test_a_look_up_that_a_write_overtook_is_not_remembered() -> None:
    cache = LookupCache()
    reading = cache.look_up("u1")
    writing = cache.write(("u1",))
    cache.answered(writing, NEW, HOME, NOW)
    cache.answered(reading, OLD, HOME, NOW)
    assert NEW == cache.get("u1", NOW)


def test_a_look_up_that_was_sent_during_a_write_is_not_remembered() -> None:
    cache = LookupCache()
    writing = cache.write(("u1",))
    reading = cache.look_up("u1")
    cache.answered(reading, OLD, HOME, NOW)
    assert cache.get("u1", NOW) is None
    cache.answered(writing, NEW, HOME, NOW)
    assert NEW == cache.get("u1", NOW)


def test_of_two_writes_at_once_nothing_is_known() -> None:
    cache = LookupCache()
    first, second = cache.write(("u1",)), cache.write(("u1",))
    cache.answered(second, OLD, HOME, NOW)
    cache.answered(first, NEW, HOME, NOW)
    assert cache.get("u1", NOW) is None


def test_a_third_write_during_the_second_is_not_remembered_either() -> None:
    cache = LookupCache()
    first, second = cache.write(("u1",)), cache.write(("u1",))
    cache.answered(first, OLD, HOME, NOW)
    third = cache.write(("u1",))
    cache.answered(second, OLD, HOME, NOW)
    cache.answered(third, NEW, HOME, NOW)
    assert cache.get("u1", NOW) is None
    learn(cache, "u1", NEW)
    assert NEW == cache.get("u1", NOW)


def test_a_write_that_names_a_key_twice_is_one_write_of_it() -> None:
    cache = LookupCache()
    cache.answered(cache.write(("u1", "u1")), NEW, HOME, NOW)
    assert NEW == cache.get("u1", NOW)


def test_a_write_of_one_key_is_no_write_of_another() -> None:
    cache = LookupCache()
    reading = cache.look_up("u2")
    cache.write(("u1",))
    cache.answered(reading, OLD, HOME, NOW)
    assert OLD == cache.get("u2", NOW)


# --- Bounds


def test_what_is_known_is_old_after_its_lifetime() -> None:
    cache = LookupCache()
    learn(cache, "u1")
    assert cache.get("u1", NOW + LIFETIME - 0.1) is not None
    assert cache.get("u1", NOW + LIFETIME) is None


def test_who_wants_it_fresher_is_not_given_what_is_older() -> None:
    cache = LookupCache()
    learn(cache, "u1")
    assert [True, False] == [cache.get("u1", NOW + 10.0, max_age) is None for max_age in (10.0, 11.0)]
    assert [True, True] == [cache.get("u1", NOW, max_age) is None for max_age in (0.0, -1.0)]


def test_an_answer_from_memory_says_how_old_it_is_and_nothing_else_of_its_headers() -> None:
    cache = LookupCache()
    learn(cache, "u1", Response(200, {"etag": "x", "age": "7"}, b"old"))
    assert Response(200, {"age": "61"}, b"old") == cache.get("u1", NOW + 61.9)


def test_to_be_read_is_not_to_live_longer() -> None:
    cache = LookupCache(lifetime=10.0)
    learn(cache, "u1")
    cache.get("u1", NOW + 9.0)
    assert cache.get("u1", NOW + 10.0) is None


def test_memory_is_bounded() -> None:
    cache = LookupCache(bytes=1_024)
    for number in range(100):
        learn(cache, f"u{number}")
    assert [None, OLD] == known(cache, "u0", "u99")


def test_an_answer_whose_body_was_cut_is_remembered_as_it_is() -> None:
    cache = LookupCache()
    learn(cache, "u1", Response(200, body=None))
    assert Response(200, {"age": "0"}, None) == cache.get("u1", NOW)


# --- Partitions that leave


def test_what_an_assignment_has_learnt_dies_with_it() -> None:
    cache, leaves = LookupCache(), an_assignment()
    learn(cache, "u1", owner=HOME)
    learn(cache, "u2", owner=leaves)
    cache.disown(leaves)
    assert [OLD, None] == known(cache, "u1", "u2")


def test_an_assignment_that_had_learnt_nothing_takes_nothing_along() -> None:
    cache = LookupCache()
    learn(cache, "u1")
    cache.disown(an_assignment())
    assert OLD == cache.get("u1", NOW)


def test_an_answer_that_comes_after_its_assignment_has_ended_is_not_remembered() -> None:
    cache, leaves = LookupCache(), an_assignment()
    reading, writing = cache.look_up("u1"), cache.write(("u2",))
    leaves.gone = True
    cache.disown(leaves)
    cache.answered(reading, OLD, leaves, NOW)
    cache.answered(writing, NEW, leaves, NOW)
    assert [None, None] == known(cache, "u1", "u2")
    learn(cache, "u2", NEW)
    assert [NEW] == known(cache, "u2")


# --- Whatever the schedule


class Vendors(RuleBasedStateMachine):
    """Look-ups and writes of three keys, which the vendor takes in any order. What is known is what is true there."""

    def __init__(self) -> None:
        super().__init__()
        self.cache = LookupCache(bytes=1_024)
        self.values = dict.fromkeys("abc", 0)
        self.made = 0
        self.sent: list[tuple[Reading, int]] = []  # not yet at the vendor; with what it writes, or 0
        self.answers: list[tuple[Reading, Response | None]] = []

    @rule(key=st.sampled_from("abc"))
    def a_look_up_is_sent(self, key: str) -> None:
        self.sent.append((self.cache.look_up(key), 0))

    @rule(keys=st.sets(st.sampled_from("abc"), min_size=1))
    def a_write_is_sent(self, keys: set[str]) -> None:
        self.made += 1
        self.sent.append((self.cache.write(keys), self.made))

    @precondition(lambda self: self.sent)
    @rule(data=st.data(), fails=st.booleans())
    def the_vendor_takes_one(self, data: st.DataObject, fails: bool) -> None:
        reading, value = self.sent.pop(data.draw(st.integers(0, len(self.sent) - 1)))
        if reading.writes:
            self.values |= dict.fromkeys(reading.keys, value)
        said = self.values[next(iter(reading.keys))]
        self.answers.append((reading, None if fails else Response(200, body=str(said).encode())))

    @precondition(lambda self: self.answers)
    @rule(data=st.data())
    def an_answer_is_heard(self, data: st.DataObject) -> None:
        reading, response = self.answers.pop(data.draw(st.integers(0, len(self.answers) - 1)))
        self.cache.answered(reading, response, HOME, NOW)

    @invariant()
    def what_is_known_is_true(self) -> None:
        for key, value in self.values.items():
            found = self.cache.get(key, NOW)
            assert found is None or str(value).encode() == found.body

    def teardown(self) -> None:
        """When all is answered, whatever is asked next is remembered."""
        for reading, _ in self.sent:
            self.cache.answered(reading, None, HOME, NOW)
        for reading, _ in self.answers:
            self.cache.answered(reading, None, HOME, NOW)
        assert ({}, {}) == (self.cache._newest, self.cache._writing)
        for key in "abc":
            learn(self.cache, key)
            assert OLD == self.cache.get(key, NOW)


Vendors.TestCase.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)
TestVendors = Vendors.TestCase
