from __future__ import annotations

from random import Random
from zlib import crc32

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mappings.contract import Response
from worker.core.answer_store import AnswerStore, Remembered

KEYS = tuple(f"key-{number}" for number in range(40))
NUMBERS = 31
SMALL = 2_048  # bytes: 32 slots and 1,664 bytes of ring


def noise(seed: int, size: int = 500) -> bytes:
    """What cannot be packed."""
    return Random(seed).randbytes(size)


def few(key: str) -> int:
    return crc32(key.encode()) % NUMBERS


def kept(store: AnswerStore, *keys: str) -> list[bytes | None]:
    return [None if (found := store.get(key)) is None else found.body for key in keys]


def put(store: AnswerStore, *keys: str, body: bytes = b"{}") -> None:
    store.put(keys, Response(200, body=body), owner=0, since=0.0)


def test_nothing_is_known_at_first_and_nothing_is_there_to_be_dropped() -> None:
    store = AnswerStore()
    store.drop("u1")
    assert (None, 0) == (store.get("u1"), store.records)


def test_an_answer_is_known_under_each_of_its_keys_with_whom_and_since_when() -> None:
    store = AnswerStore()
    store.put(["u1", "mail"], Response(201, {"etag": "x"}, b'{"id": 1}'), owner=7, since=1_763_900_000.25)
    said = Remembered(201, b'{"id": 1}', 7, 1_763_900_000.25)
    assert [said, said, None] == [store.get("u1"), store.get("mail"), store.get("u2")]


def test_an_answer_without_a_body_is_not_one_with_an_empty_body() -> None:
    store = AnswerStore()
    store.put(["u1"], Response(200, body=None), 0, 0.0)
    store.put(["u2"], Response(200, body=b""), 0, 0.0)
    assert [Remembered(200, None, 0, 0.0), Remembered(200, b"", 0, 0.0)] == [store.get("u1"), store.get("u2")]


def test_a_key_may_be_any_text() -> None:
    store = AnswerStore()
    for key in ("", "\0", "\ud800", "é", "u" * 70_000):
        put(store, key, body=ascii(key[:5]).encode())
        assert [ascii(key[:5]).encode()] == kept(store, key)


def test_a_dropped_key_leaves_the_others_of_its_answer() -> None:
    store = AnswerStore()
    put(store, "u1", "mail")
    store.drop("mail")
    assert [b"{}", None] == kept(store, "u1", "mail")


def test_two_keys_with_one_number_never_get_each_others_answer() -> None:
    store = AnswerStore(number=lambda _key: -1)
    put(store, "u1", body=b"of u1")
    assert [b"of u1", None] == kept(store, "u1", "u2")
    put(store, "u2", body=b"of u2")
    assert [None, b"of u2"] == kept(store, "u1", "u2")


def test_new_answers_take_the_place_of_the_oldest() -> None:
    store = AnswerStore(SMALL)
    for number in range(6):
        put(store, KEYS[number], body=noise(number))
    assert [False] * 3 + [True] * 3 == [one is not None for one in kept(store, *KEYS[:6])]


def test_an_answer_that_is_learnt_again_outlives_the_former_one() -> None:
    store = AnswerStore(SMALL)
    for number, key in enumerate(("u1", "u2", "u1", "u3", "u4")):
        put(store, key, body=noise(number))
    assert [noise(2), None] == kept(store, "u1", "u2")


def test_one_that_is_too_long_for_the_rest_of_the_ring_begins_at_its_start() -> None:
    store = AnswerStore(SMALL)
    for key, size in zip("abcde", (1, 700, 400, 401, 600), strict=True):
        put(store, key, body=noise(size, size))
    assert [False] * 2 + [True] * 3 == [one is not None for one in kept(store, *"abcde")]
    put(store, "g", body=noise(7, 1_000))  # not behind "e", since the ring is not that long
    assert [None] * 5 + [noise(7, 1_000)] == kept(store, *"abcdeg")
    put(store, "h")
    assert [noise(7, 1_000), b"{}"] == kept(store, *"gh")


def test_a_table_that_is_full_forgets_the_oldest_too() -> None:
    store = AnswerStore(SMALL)
    for key in KEYS[:25]:
        put(store, key)
    assert [None, *[b"{}"] * 24] == kept(store, *KEYS[:25])


def test_an_answer_that_is_larger_than_everything_is_not_kept_and_pushes_nobody_out() -> None:
    store = AnswerStore(SMALL)
    put(store, "u1")
    put(store, "u2")
    put(store, "u2", body=noise(1, SMALL))
    put(store, *KEYS)
    assert ([b"{}", None], [None] * 40, 2) == (kept(store, "u1", "u2"), kept(store, *KEYS), store.records)


def test_a_hundred_thousand_users_with_two_names_each_are_remembered() -> None:
    store = AnswerStore()
    for user in range(100_000):
        name, mail = f"u{user:07}", f"u{user:07}@example.com"
        body = f'{{"id": {user}, "email": "{mail}", "external_id": "{name}", "properties": {{"plan": "{user % 7}"}}}}'
        store.put((name, mail), Response(200, body=body.encode()), 0, 0.0)
    assert (100_000, True) == (store.records, store.get("u0000000") is not None)


class Answers(RuleBasedStateMachine):
    """Beside a dictionary: what is known is what was put last, and the newest answer is always known."""

    keys = st.lists(st.sampled_from(KEYS), min_size=1, max_size=3, unique=True)

    def __init__(self) -> None:
        super().__init__()
        self.store = AnswerStore(SMALL, number=few)
        self.put: dict[str, int] = {}
        self.made = 0
        self.newest: list[str] = []

    @rule(keys=keys, size=st.integers(0, 1_200))
    def one_is_put(self, keys: list[str], size: int) -> None:
        self.made += 1
        body = b"%d " % self.made + noise(self.made, size)
        self.store.put(keys, Response(200, body=body), self.made, 0.0)
        self.put |= dict.fromkeys(keys, self.made)
        self.newest = keys

    @rule(key=st.sampled_from(KEYS))
    def one_is_dropped(self, key: str) -> None:
        self.store.drop(key)
        self.put.pop(key, None)
        self.newest = [one for one in self.newest if few(one) != few(key)]

    @invariant()
    def what_is_known_was_put_last(self) -> None:
        for key in KEYS:
            found = self.store.get(key)
            if found is not None:
                number, _, _ = (found.body or b"").partition(b" ")
                assert (self.put.get(key), int(number)) == (found.owner, found.owner)

    @invariant()
    def the_newest_is_known(self) -> None:
        numbers = {few(key): key for key in self.newest}  # of two with one number, the last one
        assert all(self.store.get(key) is not None for key in numbers.values())


Answers.TestCase.settings = settings(max_examples=200, stateful_step_count=60, deadline=None)
TestAnswers = Answers.TestCase
