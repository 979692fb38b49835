from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from mappings.contract import (
    Delivered,
    Event,
    Flow,
    Merge,
    MergedFlow,
    Outcome,
    Rejected,
    Request,
    Response,
    Skipped,
    Unmappable,
)
from tests.builders import a_destination, a_request, a_user, an_event, an_item
from worker.core.conversation import Conversation, Ended

LOOK_UP = a_request("look-up", method="GET")
WRITE = a_request("write")


def a_conversation(translate: Callable[[Event, Any], Any], *, settings: object = None) -> Conversation:
    return Conversation((an_item(),), a_destination(translate=translate), settings)


def a_merge(*ids: str, ends: object = None) -> Conversation:
    """One flow for events of these ids, which returns ``ends``."""

    def translate(_events: Sequence[Event], _settings: object) -> MergedFlow:
        yield WRITE
        return ends  # type: ignore[return-value]

    user = a_user()
    items = tuple(an_item(user, event=an_event(id=one)) for one in ids)
    return Conversation(items, a_destination(merge=Merge(lambda _, __, ___: True, translate)), None)


def two_requests(_event: Event, _settings: object) -> Flow:
    found = yield LOOK_UP
    if found.status == 404:
        return Skipped("unknown-user")
    yield WRITE
    return None


def returns(outcome: object) -> Callable[[Event, object], Flow]:
    def translate(_event: Event, _settings: object) -> Flow:
        yield WRITE
        return outcome  # type: ignore[return-value]

    return translate


def one(outcome: Outcome) -> Ended:
    return Ended((outcome,))


# --- Step by step


def test_a_flow_yields_request_after_request_until_it_ends() -> None:
    flow = a_conversation(two_requests)
    assert LOOK_UP == flow.begin()
    assert LOOK_UP is flow.request
    assert WRITE == flow.answer(Response(200))
    assert WRITE is flow.request
    assert one(Delivered()) == flow.answer(Response(201))


def test_a_flow_sees_each_answer() -> None:
    flow = a_conversation(two_requests)
    flow.begin()
    assert one(Skipped("unknown-user")) == flow.answer(Response(404))


def test_a_flow_is_given_its_event_and_the_settings() -> None:
    def translate(event: Event, settings: object) -> Flow:
        yield a_request(f"{event.id} {settings}")
        return None

    assert a_request("m1 mine") == a_conversation(translate, settings="mine").begin()


def test_a_flow_belongs_to_the_user_of_its_events() -> None:
    user = a_user("u7")
    assert user is Conversation((an_item(user),), a_destination(), None).user


# --- How it ends


def test_a_flow_that_yields_nothing_has_nothing_to_send() -> None:
    def translate(_event: Event, _settings: object) -> Flow:
        yield from ()
        return None

    assert one(Skipped("nothing-to-send")) == a_conversation(translate).begin()


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Delivered()),
        (204, Delivered()),
        (299, Delivered()),
        (400, Rejected("refused", "HTTP 400")),
        (404, Rejected("refused", "HTTP 404")),
    ],
)
def test_where_a_flow_says_nothing_its_last_answer_decides(status: int, outcome: Outcome) -> None:
    flow = a_conversation(returns(None))
    flow.begin()
    assert one(outcome) == flow.answer(Response(status))


@pytest.mark.parametrize("outcome", [Delivered("unchanged"), Skipped("no-e-mail"), Rejected("refused", "why")])
def test_what_a_flow_returns_is_its_outcome(outcome: Outcome) -> None:
    flow = a_conversation(returns(outcome))
    flow.begin()
    assert one(outcome) == flow.answer(Response(500))


def test_an_event_that_cannot_be_mapped_is_rejected() -> None:
    def translate(_event: Event, _settings: object) -> Flow:
        yield from ()
        raise Unmappable("no-e-mail", "an identify without one")

    assert one(Rejected("no-e-mail", "an identify without one")) == a_conversation(translate).begin()


# --- Bugs of the mapping


def is_a_bug(ended: Request | Ended, error: type[Exception]) -> None:
    assert isinstance(ended, Ended)
    assert (Rejected("bug", error.__name__),) == ended.outcomes
    assert isinstance(ended.error, error)


def a_generator_that_raises(_event: Event, _settings: object) -> Flow:
    yield from ()
    raise KeyError("secret@example.com")


def a_function_that_raises(_event: Event, _settings: object) -> Flow:
    raise ZeroDivisionError


def a_function_with_a_stray_stop(_event: Event, _settings: object) -> Flow:
    raise StopIteration


def no_generator(_event: Event, _settings: object) -> Any:
    return [WRITE]


def yields_text(_event: Event, _settings: object) -> Any:
    yield "https://vendor.example"


def yields_nothing(_event: Event, _settings: object) -> Any:
    yield None


@pytest.mark.parametrize(
    ("translate", "error"),
    [
        (a_generator_that_raises, KeyError),
        (a_function_that_raises, ZeroDivisionError),
        (a_function_with_a_stray_stop, RuntimeError),
        (no_generator, TypeError),
        (yields_text, TypeError),
        (yields_nothing, TypeError),
    ],
)
def test_a_bug_in_the_mapping_costs_its_event_and_names_the_exceptions_type_alone(
    translate: Callable[[Event, object], Any], error: type[Exception]
) -> None:
    is_a_bug(a_conversation(translate).begin(), error)


@pytest.mark.parametrize("said", ["delivered", True, 200, (), (Delivered(), Delivered()), (Skipped("x"),), Delivered])
def test_what_is_no_outcome_is_a_bug(said: object) -> None:
    flow = a_conversation(returns(said))
    flow.begin()
    is_a_bug(flow.answer(Response(200)), TypeError)


# Made in the flow: the compiled outcomes take nothing but text, the interpreted ones are looked at afterwards.
NO_TEXT: list[Callable[[], Any]] = [
    lambda: Delivered(7),  # type: ignore[arg-type]
    lambda: Skipped(None),  # type: ignore[arg-type]
    lambda: Rejected(7),  # type: ignore[arg-type]
    lambda: Rejected("no", {}),  # type: ignore[arg-type]
    lambda: (Delivered(7),),  # type: ignore[arg-type]
]


@pytest.mark.parametrize("said", NO_TEXT)
def test_an_outcome_that_holds_no_text_is_a_bug(said: Callable[[], Any]) -> None:
    def translate(_event: Event, _settings: object) -> Flow:
        yield WRITE
        return said()  # type: ignore[no-any-return]

    flow = a_conversation(translate)
    flow.begin()
    is_a_bug(flow.answer(Response(200)), TypeError)


def test_a_flow_that_fails_at_an_answer_is_a_bug() -> None:
    def translate(_event: Event, _settings: object) -> Flow:
        answer = yield WRITE
        return Delivered(detail=answer.json()["name"])

    flow = a_conversation(translate)
    flow.begin()
    is_a_bug(flow.answer(Response(200, body=b"[]")), TypeError)


# --- Several events in one flow


def test_one_event_is_no_merge() -> None:
    assert not a_conversation(two_requests).is_merge
    assert a_merge("m1", "m2").is_merge


def test_the_outcome_of_a_merge_is_every_events() -> None:
    flow = a_merge("m1", "m2")
    assert WRITE == flow.begin()
    assert Ended((Delivered(), Delivered())) == flow.answer(Response(200))


def test_a_merge_may_name_each_events_own_note() -> None:
    flow = a_merge("m1", "m2", ends=(Delivered("unchanged"), Delivered()))
    flow.begin()
    assert Ended((Delivered("unchanged"), Delivered())) == flow.answer(Response(200))


@pytest.mark.parametrize("ends", [(Delivered(),), (Delivered(), Skipped("x")), (Delivered(),) * 3])
def test_notes_that_do_not_fit_the_events_are_a_bug_for_all_of_them(ends: tuple[Outcome, ...]) -> None:
    flow = a_merge("m1", "m2", ends=ends)
    flow.begin()
    ended = flow.answer(Response(200))
    assert isinstance(ended, Ended)
    assert (Rejected("bug", "TypeError"),) * 2 == ended.outcomes


def test_a_merge_is_made_of_its_events_in_order() -> None:
    def translate(events: Sequence[Event], _settings: object) -> MergedFlow:
        yield a_request(" ".join(event.id for event in events))
        return None

    user = a_user()
    items = tuple(an_item(user, event=an_event(id=one)) for one in ("m1", "m2", "m3"))
    destination = a_destination(merge=Merge(lambda _, __, ___: True, translate))
    assert a_request("m1 m2 m3") == Conversation(items, destination, None).begin()


# --- Again from the start


def all_of(flow: Conversation) -> dict[str, object]:
    return {name: getattr(flow, name) for name in Conversation.__slots__}


@pytest.mark.interpreted
def test_a_flow_that_restarts_has_forgotten_all_that_was_said() -> None:
    flow = a_conversation(two_requests)
    fresh = all_of(flow)
    flow.begin()
    flow.answer(Response(200))
    flow.answers, flow.sent_first, flow.slept_since, flow.wrote = 1, 5.0, 6.0, True
    flow.looked_up = ["user:u1"]
    flow.restart()
    assert fresh == all_of(flow)
    assert LOOK_UP == flow.begin()


def test_a_flow_that_restarts_is_still_the_probe_that_it_was() -> None:
    flow = a_conversation(two_requests)
    flow.probe = True
    flow.restart()
    assert flow.probe
