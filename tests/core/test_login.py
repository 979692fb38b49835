from __future__ import annotations

from collections.abc import Callable
from math import inf, nan
from typing import Any

import pytest

from mappings.contract import Credentials, Limited, Refused, Response, Transient
from mappings.contract import Login as LoginFlow
from tests.builders import a_destination, a_request
from worker.core.faults import Fault, FaultKind
from worker.core.login import LoggedIn, Login, LoginFailed

ASK = a_request("login", login=False)
NOW = 1_000.0
GOOD = Response(200, body=b'{"token": "t1", "lasts": 100}')


def log_in(_settings: object) -> LoginFlow:
    answer = yield ASK
    if not answer.ok or "token" not in answer.object():
        return None
    return Credentials({"authorization": str(answer.object()["token"])}, answer.object().get("lasts"))


def a_login(flow: Callable[[Any], LoginFlow | None] | None = log_in, *, luck: float = 1.0, **fields: Any) -> Login:
    return Login(a_destination(login=flow, **fields), "old", lambda: luck)


def logged_in(*, now: float = NOW, lasts: object = 100, **fields: Any) -> Login:
    """A login that got a token then."""
    login = a_login(lambda _: ends_with(Credentials({"authorization": "t1"}, lasts)), **fields)  # type: ignore[arg-type]
    assert ASK == login.begin(now)
    assert LoggedIn() == login.answer(GOOD, now)
    return login


def ends_with(said: object) -> LoginFlow:
    yield ASK
    return said  # type: ignore[return-value]


def ends_with_text_for_a_time() -> LoginFlow:
    yield ASK
    return Credentials({}, "3600")  # type: ignore[arg-type]


def raises() -> LoginFlow:
    yield ASK
    raise KeyError("secret")


def raises_at_once() -> LoginFlow:
    yield from ()
    raise KeyError("secret")


def no_flow() -> LoginFlow:
    raise OSError("secret")


def yields_text() -> Any:
    yield "https://vendor.example/login"


# --- Whether it is wanted


@pytest.mark.parametrize("flow", [None, lambda _: None])
def test_a_destination_without_a_login_wants_none(flow: Callable[[Any], LoginFlow | None] | None) -> None:
    assert not a_login(flow).wanted


def test_a_destination_whose_settings_need_a_login_wants_it() -> None:
    login = a_login()
    assert login.wanted
    assert login.needed(NOW)
    assert login.due(NOW)


# --- One for all


def test_a_login_is_a_flow_that_ends_with_credentials() -> None:
    login = a_login()
    assert ASK == login.begin(NOW)
    assert login.under_way
    assert LoggedIn() == login.answer(GOOD, NOW)
    assert Credentials({"authorization": "t1"}, 100) == login.credentials
    assert not login.under_way


def test_a_login_may_take_several_requests() -> None:
    def twice(_settings: object) -> LoginFlow:
        yield ASK
        return (yield from log_in(_settings))

    login = a_login(twice)
    assert [ASK, ASK] == [login.begin(NOW), login.answer(Response(204), NOW)]
    assert LoggedIn() == login.answer(GOOD, NOW)


def test_while_a_login_is_under_way_no_other_begins() -> None:
    login = a_login()
    login.begin(NOW)
    assert not login.due(NOW + 1e6)


# --- Renewal


def test_a_token_is_renewed_when_a_tenth_of_its_life_is_left() -> None:
    login = logged_in(lasts=100)
    assert [False, True] == [login.due(NOW + at) for at in (89.9, 90.0)]
    assert not login.needed(NOW + 99.9)


def test_a_token_that_has_expired_is_forgotten() -> None:
    login = logged_in(lasts=100)
    assert login.needed(NOW + 100.0)
    assert login.credentials is None


def test_a_token_without_a_lifetime_lasts_until_it_is_refused() -> None:
    login = logged_in(lasts=None)
    assert not login.due(NOW + 1e9)
    assert not login.needed(NOW + 1e9)


@pytest.mark.parametrize("lasts", [0, -5, 0.1])
def test_a_token_that_is_born_dead_is_used_for_a_second(lasts: float) -> None:
    login = logged_in(lasts=lasts)
    assert [False, True] == [login.needed(NOW + at) for at in (0.9, 1.0)]


@pytest.mark.parametrize("lasts", [inf, nan])
def test_a_lifetime_that_is_no_time_says_nothing(lasts: float) -> None:
    assert not logged_in(lasts=lasts).needed(NOW + 1e9)


def test_a_renewal_that_fails_takes_no_token_away() -> None:
    login = logged_in(lasts=100)
    login.begin(NOW + 90.0)
    assert isinstance(login.answer(Response(500), NOW + 90.0), LoginFailed)
    assert not login.needed(NOW + 99.0)
    assert [False, True] == [login.due(NOW + 90.0 + at) for at in (0.4, 0.5)]


def test_a_renewed_token_counts_from_its_own_beginning() -> None:
    login = logged_in(lasts=100)
    login.begin(NOW + 90.0)
    login.answer(GOOD, NOW + 90.0)
    assert not login.due(NOW + 179.9)
    assert login.due(NOW + 180.0)


# --- A 401 to what it got


def test_an_old_token_that_is_refused_is_forgotten_and_the_request_goes_again() -> None:
    login = logged_in()
    assert login.refused(login.credentials, NOW + 30.0)
    assert login.needed(NOW + 30.0)
    assert login.due(NOW + 30.0)


def test_a_fresh_token_that_is_refused_is_a_fault_of_the_set_up() -> None:
    login = logged_in()
    assert not login.refused(login.credentials, NOW + 29.9)
    assert not login.needed(NOW + 29.9)


def test_a_token_that_was_replaced_meanwhile_takes_no_other_with_it() -> None:
    login = logged_in()
    old = login.credentials
    login.refused(old, NOW + 30.0)
    login.begin(NOW + 30.0)
    login.answer(GOOD, NOW + 30.0)
    fresh = login.credentials
    assert login.refused(old, NOW + 90.0)
    assert fresh is login.credentials


def test_everybody_whose_token_was_forgotten_goes_again() -> None:
    login = logged_in()
    old = login.credentials
    assert [True, True, True] == [login.refused(old, NOW + 30.0) for _ in range(3)]


def test_equal_tokens_are_told_apart() -> None:
    login = logged_in()
    equal = Credentials({"authorization": "t1"}, 100)
    assert equal == login.credentials
    assert login.refused(equal, NOW + 90.0)
    assert not login.needed(NOW + 90.0)


# --- Logins that fail


def failed(answer: Response | Fault, **fields: Any) -> LoginFailed:
    login = a_login(**fields)
    login.begin(NOW)
    said = login.answer(answer, NOW)
    assert isinstance(said, LoginFailed)
    assert login.credentials is None
    assert not login.under_way
    assert NOW + said.wait == login.next_try
    return said


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 422])
def test_a_login_that_is_refused_is_tried_again_in_a_minute(status: int) -> None:
    why = f"the login was refused (HTTP {status}): check the credentials"
    assert LoginFailed(60.0, why) == failed(Response(status))


def test_a_401_to_a_login_is_no_tokens_fault_whatever_the_request_claims() -> None:
    def careless(_settings: object) -> LoginFlow:
        yield a_request("login", login=True)
        return None

    why = "the login was refused (HTTP 401): check the credentials"
    assert LoginFailed(60.0, why) == failed(Response(401), flow=careless)


def test_a_login_that_the_mapping_calls_refused_is_tried_again_in_a_minute() -> None:
    why = "the login was refused (HTTP 200): check the credentials"
    assert LoginFailed(60.0, why) == failed(GOOD, meaning=lambda _: Refused("no"))


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Response(500), "the login failed (500)"),
        (Response(503), "the login failed (503)"),
        (Response(408), "the login failed (408)"),
        (Response(200, body=b"<html>"), "the login failed (html)"),
        (Fault(FaultKind.TIMEOUT, written=True), "the login failed (timeout)"),
        (Fault(FaultKind.TLS, written=False), "the login failed (tls)"),
        (Response(429), "the login is over the vendor's limit"),
        (Response(200, body=b"[]"), "the login's answer holds no token"),
        (Response(200, body=b"7"), "the login's answer holds no token"),
        (Response(200, body=None), "the login's answer holds no token"),
        (Response(204), "the login's answer holds no token"),
    ],
)
def test_a_login_that_fails_is_tried_again_after_a_backoff(answer: Response | Fault, why: str) -> None:
    assert LoginFailed(0.5, why) == failed(answer)
    assert LoginFailed(0.25, why) == failed(answer, luck=0.5)


def test_the_backoff_doubles_to_a_minute_and_a_login_ends_it() -> None:
    login = a_login()
    waits = []
    for _ in range(9):
        login.begin(NOW)
        said = login.answer(Response(500), NOW)
        assert isinstance(said, LoginFailed)
        waits.append(said.wait)
    assert [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0] == waits
    login.begin(NOW)
    login.answer(GOOD, NOW)
    login.begin(NOW)
    assert LoginFailed(0.5, "the login failed (500)") == login.answer(Response(500), NOW)


@pytest.mark.parametrize(
    ("answer", "fields", "wait"),
    [
        (Response(429, {"retry-after": "7"}), {}, 7.0),
        (Response(503, {"retry-after": "7"}), {}, 7.0),
        (Response(500, {"retry-after": "7"}), {}, 7.0),
        (Response(429, {"retry-after": "0"}), {}, 0.5),
        (Response(400), {"meaning": lambda _: Limited(wait=9.0)}, 9.0),
        (Response(400), {"meaning": lambda _: Transient(9.0)}, 9.0),
    ],
)
def test_a_vendor_that_names_a_time_is_asked_then_and_never_without_a_pause(
    answer: Response, fields: dict[str, Any], wait: float
) -> None:
    assert wait == failed(answer, **fields).wait


def test_until_the_next_try_is_due_no_login_begins() -> None:
    login = a_login()
    login.begin(NOW)
    login.answer(Response(401), NOW)
    assert [False, True] == [login.due(NOW + at) for at in (59.9, 60.0)]


# --- Mappings that go wrong


@pytest.mark.parametrize(
    ("flow", "error"), [(raises_at_once, "KeyError"), (no_flow, "OSError"), (yields_text, "TypeError")]
)
def test_a_login_that_goes_wrong_at_once_fails_and_is_not_asked_again_soon(
    flow: Callable[[], LoginFlow], error: str
) -> None:
    login = a_login(lambda _: flow())
    assert login.wanted
    assert LoginFailed(60.0, f"the mapping's login raised {error}") == login.begin(NOW)
    assert not login.under_way


@pytest.mark.parametrize(
    ("flow", "error"),
    [
        (raises, "KeyError"),
        (lambda: ends_with("t1"), "TypeError"),
        (ends_with_text_for_a_time, "TypeError"),
    ],
)
def test_a_login_that_goes_wrong_at_its_answer_fails_and_leaves_no_token(
    flow: Callable[[], LoginFlow], error: str
) -> None:
    assert LoginFailed(60.0, f"the mapping's login raised {error}") == failed(GOOD, flow=lambda _: flow())


def test_a_login_that_needs_no_request_is_one_all_the_same() -> None:
    def signs(_settings: object) -> LoginFlow:
        yield from ()
        return Credentials({"authorization": "signed"})

    login = a_login(signs)
    assert LoggedIn() == login.begin(NOW)
    assert Credentials({"authorization": "signed"}) == login.credentials


# --- Other settings


def test_what_was_got_with_old_settings_is_forgotten() -> None:
    login = logged_in()
    login.settings("new")
    assert login.needed(NOW)
    assert login.due(NOW)


def test_new_settings_are_tried_at_once() -> None:
    login = a_login()
    login.begin(NOW)
    login.answer(Response(401), NOW)
    login.settings("new")
    assert login.due(NOW)


def log_in_as(settings: object) -> LoginFlow | None:
    if settings == "none":
        return None
    return _as(settings)


def _as(settings: object) -> LoginFlow:
    yield a_request("login", json={"secret": settings}, login=False)
    return Credentials({"authorization": str(settings)})


@pytest.mark.parametrize("answer", [GOOD, Response(401), Fault(FaultKind.RESET, written=True)])
def test_a_login_that_was_begun_with_old_settings_is_begun_anew(answer: Response | Fault) -> None:
    login = a_login(log_in_as)
    login.begin(NOW)
    login.settings("new")
    assert a_request("login", json={"secret": "new"}, login=False) == login.answer(answer, NOW)
    assert LoggedIn() == login.answer(GOOD, NOW)
    assert Credentials({"authorization": "new"}) == login.credentials


def test_where_the_new_settings_need_no_login_the_old_one_ends() -> None:
    login = a_login(log_in_as)
    login.begin(NOW)
    login.settings("none")
    assert LoggedIn() == login.answer(GOOD, NOW)
    assert (False, False, None) == (login.wanted, login.under_way, login.credentials)
