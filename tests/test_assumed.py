"""The vendor that a dry run assumes: it remembers what it was told, so that a run counts like a real one."""

from __future__ import annotations

from tests.builders import a_request
from worker.assumed import Assumed
from worker.commands.walk import ABSENT, FOUND


def test_nobody_is_known_of_whom_nothing_was_written() -> None:
    assert ABSENT == Assumed().answer(a_request(method="GET", cached_as="u1"))


def test_what_was_written_is_found_under_each_of_its_names() -> None:
    vendor = Assumed()
    vendor.answer(a_request(form=(("email", "u1@mail.example"), ("properties[plan]", "pro")), invalidates=("u1", "@")))
    known = {"id": 1, "email": "u1@mail.example", "properties": {"plan": "pro"}}
    assert [known, known] == [vendor.answer(a_request(method="GET", cached_as=name)).json() for name in ("u1", "@")]


def test_an_update_changes_what_it_names() -> None:
    vendor = Assumed()
    vendor.answer(a_request(json={"email": "u1@mail.example", "plan": "free"}, invalidates=("u1",)))
    answer = vendor.answer(a_request(method="PUT", json={"plan": "pro"}, invalidates=("u1",)))
    assert {"id": 1, "properties": {}, "email": "u1@mail.example", "plan": "pro"} == answer.json()


def test_everything_else_is_answered_with_yes() -> None:
    vendor = Assumed()
    assert [FOUND, FOUND] == [vendor.answer(a_request()), vendor.answer(a_request(method="GET"))]


def test_who_was_written_longest_ago_is_forgotten_when_memory_is_full() -> None:
    vendor = Assumed(limit=100)
    for name in ("u1", "u2", "u3"):
        vendor.answer(a_request(json={"name": name * 20}, invalidates=(name,)))
    assert [404, 404, 200] == [
        vendor.answer(a_request(method="GET", cached_as=name)).status for name in ("u1", "u2", "u3")
    ]
