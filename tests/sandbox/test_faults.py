"""Which rule is carried out on which call."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.sandbox.calls import NOW
from worker.sandbox.exchange import Call, Heard
from worker.sandbox.faults import RULES, Faults, Hang, Nonsense, Reset, Rule, Status


def a_call(**fields: Any) -> Heard:
    path = fields.pop("path", "/rest/v1/learn/event")
    names = frozenset({fields.get("user", "u1"), "a@example.com"})
    return Heard(
        Call("POST", path),
        **({"destination": "wigzo", "operation": "learn/event", "user": "u1", "names": names} | fields),
    )


def faults_of(*rules: Rule) -> Faults:
    faults = Faults()
    faults.put(rules, NOW)
    return faults


def test_without_rules_all_goes_well() -> None:
    assert Faults().pick(a_call(), NOW) is None


def test_the_first_rule_that_matches_is_carried_out() -> None:
    for_one, for_all = Rule(users=frozenset({"u1"}), do=Hang()), Rule(do=Reset())
    faults = faults_of(for_one, for_all)
    assert [for_one, for_all] == [faults.pick(a_call(user=user), NOW) for user in ("u1", "u2")]


@pytest.mark.parametrize(
    ("rule", "matches"),
    [
        (Rule(), True),
        (Rule(destination="wigzo"), True),
        (Rule(destination="wootric"), False),
        (Rule(operation="learn/event"), True),
        (Rule(operation="learn/identify"), False),
        (Rule(path="/rest/"), True),
        (Rule(path="/v1/"), False),
        (Rule(users=frozenset({"a@example.com", "b@example.com"})), True),
        (Rule(users=frozenset({"u2"})), False),
        (Rule(share=0), False),
        (Rule(probability=0), False),
    ],
)
def test_a_rule_matches_what_it_names(rule: Rule, matches: bool) -> None:
    assert matches == (faults_of(rule).pick(a_call(), NOW) is not None)


def test_a_rule_can_be_for_the_first_calls_only() -> None:
    rule = Rule(times=2)
    faults = faults_of(rule)
    assert [rule, rule, None] == [faults.pick(a_call(), NOW) for _ in range(3)]
    faults.put([rule], NOW)
    assert rule == faults.pick(a_call(), NOW)


def test_a_rule_can_have_a_time() -> None:
    rule = Rule(after=5, until=10)
    faults = faults_of(rule)
    assert [None, rule, rule, None] == [faults.pick(a_call(), NOW + age) for age in (4.9, 5, 9.9, 10)]


@given(st.integers(0, 100))
def test_a_share_of_all_users_is_always_the_same_one(seed: int) -> None:
    faults = faults_of(Rule(share=0.1, seed=seed))
    first, second = ({n for n in range(1000) if faults.pick(a_call(user=f"u{n}"), NOW)} for _ in range(2))
    assert first == second
    assert 50 < len(first) < 160


def test_two_seeds_choose_different_users() -> None:
    chosen = [
        {n for n in range(1000) if faults_of(Rule(share=0.1, seed=seed)).pick(a_call(user=f"u{n}"), NOW)}
        for seed in (1, 2)
    ]
    assert len(chosen[0] & chosen[1]) < 40


def test_chance_is_repeatable() -> None:
    rule = Rule(probability=0.5, seed=7)
    first, second = ([faults.pick(a_call(), NOW) for _ in range(1000)] for faults in (faults_of(rule), faults_of(rule)))
    assert first == second
    assert 400 < first.count(rule) < 600


def test_rules_are_read_from_json() -> None:
    text = """[
        {"destination": "wigzo", "users": ["u1"], "times": 3, "do": {"fault": "status", "status": 503,
         "headers": {"Retry-After": "3"}, "body": "later"}},
        {"operation": "eligible", "path": "/e", "delay": 2.5, "after": 1, "until": 2},
        {"share": 0.1, "seed": 4, "do": {"fault": "hang"}},
        {"probability": 0.5, "do": {"fault": "reset", "at": "lost"}},
        {"do": {"fault": "nonsense", "kind": "not json"}}
    ]"""
    assert [
        Rule(
            destination="wigzo",
            users=frozenset({"u1"}),
            times=3,
            do=Status(503, {"Retry-After": "3"}, "later"),
        ),
        Rule(operation="eligible", path="/e", delay=2.5, after=1, until=2),
        Rule(share=0.1, seed=4, do=Hang()),
        Rule(probability=0.5, do=Reset("lost")),
        Rule(do=Nonsense("not json")),
    ] == RULES.validate_json(text)


@pytest.mark.parametrize(
    "text",
    [
        '[{"user": "u1"}]',
        '[{"destination": "mixpanel"}]',
        '[{"do": {"fault": "explode"}}]',
        '[{"do": {"fault": "status"}}]',
        '[{"do": {"fault": "status", "status": 99}}]',
        '[{"share": 2}]',
        '[{"times": 0}]',
        '[{"delay": -1}]',
        "{}",
        "[",
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        RULES.validate_json(text)
