from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.core.holds.confirmation import Confirmation, Kind

KINDS: list[Kind] = ["limited", "set-up"]


def refused(
    confirmation: Confirmation,
    user: object = "u1",
    *,
    kind: Kind = "set-up",
    operation: str = "track",
    sent: float,
    now: float | None = None,
    alone: bool = False,
) -> bool:
    """A refusal, heard a second after it was sent."""
    heard = sent + 1.0 if now is None else now
    return confirmation.refused(kind, operation, user, sent=sent, now=heard, alone=alone)


@pytest.mark.parametrize("kind", KINDS)
def test_one_refusal_says_nothing_yet(kind: Kind) -> None:
    assert not refused(Confirmation(), kind=kind, sent=0.0)


@pytest.mark.parametrize("kind", KINDS)
def test_another_users_refusal_that_was_sent_after_the_first_was_heard_confirms_it(kind: Kind) -> None:
    confirmation = Confirmation()
    refused(confirmation, "u1", kind=kind, sent=0.0, now=1.0)
    assert refused(confirmation, "u2", kind=kind, sent=1.1)


@pytest.mark.parametrize("sent", [0.0, 0.9, 1.0])
def test_a_refusal_that_was_sent_before_the_first_was_heard_confirms_nothing(sent: float) -> None:
    confirmation = Confirmation()
    refused(confirmation, "u1", sent=0.0, now=1.0)
    assert not refused(confirmation, "u2", sent=sent, now=1.5)


def test_400_open_requests_that_are_refused_within_two_seconds_confirm_nothing() -> None:
    confirmation = Confirmation()
    said = [refused(confirmation, user, sent=0.0, now=0.005 * (user + 1)) for user in range(400)]
    assert not any(said)
    assert refused(confirmation, "another", sent=2.1)


def test_the_same_user_confirms_nothing_while_another_waits() -> None:
    confirmation = Confirmation()
    refused(confirmation, "u1", sent=0.0)
    assert not refused(confirmation, "u1", sent=10.0)
    assert refused(confirmation, "u2", sent=20.0)


def test_a_user_that_is_alone_confirms_its_own_refusal() -> None:
    confirmation = Confirmation()
    refused(confirmation, "u1", sent=0.0, now=1.0, alone=True)
    assert not refused(confirmation, "u1", sent=1.0, alone=True)
    assert refused(confirmation, "u1", sent=1.1, alone=True)


def test_another_operation_confirms_nothing() -> None:
    confirmation = Confirmation()
    refused(confirmation, "u1", operation="track", sent=0.0)
    assert not refused(confirmation, "u2", operation="identify", sent=10.0)


def test_another_kind_confirms_nothing() -> None:
    confirmation = Confirmation()
    refused(confirmation, "u1", kind="limited", sent=0.0)
    assert not refused(confirmation, "u2", kind="set-up", sent=10.0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_2xx_that_was_sent_after_the_first_was_heard_takes_it_back(kind: Kind) -> None:
    confirmation = Confirmation()
    refused(confirmation, "u1", kind=kind, sent=0.0, now=1.0)
    confirmation.accepted("track", sent=1.1)
    assert not refused(confirmation, "u2", kind=kind, sent=10.0)
    assert refused(confirmation, "u3", kind=kind, sent=20.0)


def test_a_2xx_that_was_sent_before_the_first_was_heard_takes_nothing_back() -> None:
    confirmation = Confirmation()
    refused(confirmation, "u1", sent=0.0, now=1.0)
    confirmation.accepted("track", sent=1.0)
    assert refused(confirmation, "u2", sent=10.0)


def test_a_2xx_of_another_operation_takes_nothing_back() -> None:
    confirmation = Confirmation()
    refused(confirmation, "u1", operation="track", sent=0.0)
    confirmation.accepted("identify", sent=5.0)
    assert refused(confirmation, "u2", operation="track", sent=10.0)


def test_a_2xx_before_any_refusal_is_not_remembered() -> None:
    confirmation = Confirmation()
    confirmation.accepted("track", sent=5.0)
    refused(confirmation, "u1", sent=0.0)
    assert refused(confirmation, "u2", sent=10.0)


def test_after_a_hold_a_refusal_is_a_first_one_again() -> None:
    confirmation = Confirmation()
    refused(confirmation, "u1", sent=0.0)
    confirmation.clear()
    assert not refused(confirmation, "u2", sent=10.0)


@dataclass(frozen=True)
class Heard:
    """One answer; ``kind`` is ``None`` for a 2xx. ``took`` is how long ago its request had been sent."""

    kind: Kind | None
    operation: str
    user: int
    took: int
    alone: bool


ANSWERS = st.lists(
    st.builds(
        Heard,
        st.sampled_from([None, *KINDS]),
        st.sampled_from(["track", "identify"]),
        st.integers(0, 2),
        st.integers(0, 4),
        st.booleans(),
    ),
    max_size=25,
)


@given(ANSWERS)
def test_a_refusal_is_confirmed_exactly_by_the_rule(answers: list[Heard]) -> None:
    """One answer a second. A refusal needs an earlier one like it, with no 2xx between; the earliest one counts."""
    confirmation = Confirmation()
    firsts: dict[tuple[Kind, str], tuple[int, int]] = {}  # user, heard
    for now, answer in enumerate(answers):
        sent = now - answer.took
        if answer.kind is None:
            confirmation.accepted(answer.operation, sent)
            for kind in KINDS:
                if firsts.get((kind, answer.operation), (0, now))[1] < sent:
                    del firsts[kind, answer.operation]
            continue
        first = firsts.setdefault((answer.kind, answer.operation), (answer.user, now))
        expected = sent > first[1] and (answer.alone or answer.user != first[0])
        said = refused(
            confirmation,
            answer.user,
            kind=answer.kind,
            operation=answer.operation,
            sent=sent,
            now=now,
            alone=answer.alone,
        )
        assert expected == said
