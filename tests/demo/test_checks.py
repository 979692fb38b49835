"""What the demo compares at its end, and that it notices."""

from __future__ import annotations

from collections import Counter
from typing import Any

from worker.demo.checks import Check, checks, failures
from worker.demo.figures import Figures
from worker.demo.one_by_one import Expected

ANN: dict[str, Any] = {
    "external_id": "u1",
    "email": "ann@example.com",
    "phone_number": None,
    "properties": {"plan": "gold"},
}
BOB: dict[str, Any] = {"external_id": None, "email": "bob@example.com", "phone_number": None, "properties": {}}


def wootric(*users: dict[str, Any], answers: tuple[tuple[int, int], ...] = ()) -> dict[str, Any]:
    """A state: ``answers`` are scores by the number of the user in ``users``."""
    numbered = [{"id": number, **user} for number, user in enumerate(users, 1)]
    filed = [{"id": 90 + at, "end_user_id": whose, "score": score} for at, (whose, score) in enumerate(answers)]
    return {"end_users": numbered, "responses": filed, "declines": [], "surveys": []}


def run(state: dict[str, Any], **overrides: Any) -> list[Check]:
    """The checks of a run in which one event was delivered by two requests; the reference has Ann and Bob."""
    figures = Figures(
        consumed=1, settled=Counter({("delivered", "unchanged"): 1}), answers=Counter({"200": 1, "404": 1})
    )
    for name, value in overrides.items():
        setattr(figures, name, value)
    reference = wootric(ANN, BOB, answers=((1, 9), (2, 5), (1, 3)))
    counts = {
        "overlaps": {},
        "answered": [
            {"destination": "wootric", "operation": "a", "status": "200", "calls": 1},
            {"destination": "wootric", "operation": "b", "status": "404", "calls": 1},
            {"destination": "wigzo", "operation": "c", "status": "200", "calls": 7},
        ],
    }
    expected = Expected({"wootric": Counter({("delivered", ""): 1})}, {"wootric": reference})
    return checks({"wootric": figures}, expected, counts, {"wootric": state})


SAME = wootric(ANN, BOB, answers=((1, 9), (2, 5), (1, 3)))


def broken(found: list[Check]) -> list[str]:
    return [check.found for check in found if not check.holds]


def test_a_good_run_holds_in_every_statement() -> None:
    found = run(SAME)
    assert (5, 0) == (len(found), failures(found))


def test_who_came_first_does_not_matter() -> None:
    other_way_round = wootric(BOB, ANN, answers=((2, 9), (2, 3), (1, 5)))
    assert [] == broken(run(other_way_round))


def test_the_order_of_one_persons_answers_matters() -> None:
    assert ["responses differ"] == broken(run(wootric(ANN, BOB, answers=((1, 3), (2, 5), (1, 9)))))


def test_a_lost_property_is_noticed() -> None:
    lost = ANN | {"properties": {}}
    assert ["end_users differ"] == broken(run(wootric(lost, BOB, answers=((1, 9), (2, 5), (1, 3)))))


def test_a_repeated_answer_is_noticed() -> None:
    assert ["responses differ"] == broken(run(wootric(ANN, BOB, answers=((1, 9), (2, 5), (1, 3), (1, 3)))))


def test_another_end_than_expected_is_noticed() -> None:
    assert ["dead-lettered refused +1, delivered  -1"] == broken(
        run(SAME, settled=Counter({("dead-lettered", "refused"): 1}))
    )


def test_requests_that_nobody_counted_are_noticed() -> None:
    assert ["{'200': 1, '404': 1} there, {'200': 1} here"] == broken(run(SAME, answers=Counter({"200": 1})))


def test_books_that_do_not_balance_are_noticed() -> None:
    assert ["off by 0, 0 wait"] == broken(run(SAME, consumed=2))


def test_a_vendors_users_and_their_events_are_compared_as_they_are() -> None:
    def state(*events: str) -> dict[str, Any]:
        return {"wigzo": {"users": {"u1": {"profile": {}, "events": list(events)}}}}

    expected = Expected({"wigzo": Counter()}, state("a", "b"))
    counts: dict[str, Any] = {"overlaps": {"wigzo": 2}, "answered": []}
    assert ["2 did"] == broken(checks({"wigzo": Figures()}, expected, counts, state("a", "b")))
    assert ["2 did", "users differ"] == broken(checks({"wigzo": Figures()}, expected, counts, state("b", "a")))
