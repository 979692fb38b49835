"""Wootric's stand-in: who may call."""

from __future__ import annotations

import pytest

from tests.sandbox.calls import FORM, JSON, NOW, Caller, message
from worker.sandbox.exchange import Answer

UNAUTHORIZED = (401, "The access token or the account token is not valid")


def test_the_right_credentials_get_a_token_that_lasts() -> None:
    expected = {"access_token": "sandbox-access-token-2", "token_type": "bearer", "expires_in": 7200}
    assert Answer(200, expected, accepted=True, changed=True) == Caller().log_in()


def test_a_token_expires_by_the_clock() -> None:
    caller = Caller(token_lifetime=60)
    caller.now = NOW + 59.9
    assert 404 == caller.get("/v1/end_users/1").status
    caller.now = NOW + 60
    assert UNAUTHORIZED == message(caller.get("/v1/end_users/1"))


def test_an_expired_token_does_not_live_again_with_the_next_login() -> None:
    caller = Caller(token_lifetime=60)
    former = caller.headers
    caller.now = NOW + 61
    caller.log_in()
    assert 404 == caller.get("/v1/end_users/1").status
    caller.headers = former
    assert 401 == caller.get("/v1/end_users/1").status


def test_a_token_can_be_revoked() -> None:
    caller = Caller()
    caller.wootric.access_tokens.revoke()
    assert UNAUTHORIZED == message(caller.get("/v1/end_users/1"))
    caller.log_in()
    assert 404 == caller.get("/v1/end_users/1").status


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer other", "Basic sandbox-access-token-1"])
def test_any_other_authorization_is_refused(value: str) -> None:
    caller = Caller()
    caller.headers = {"authorization": value}
    assert UNAUTHORIZED == message(caller.create(email="a@example.com"))


@pytest.mark.parametrize(
    ("fields", "status", "error"),
    [
        ({"client_id": "other"}, 401, "invalid_client"),
        ({"client_secret": "other"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"scope": "all"}, 400, "invalid_request"),
    ],
)
def test_a_wrong_login_is_refused(fields: dict[str, str], status: int, error: str) -> None:
    assert (status, error) == message(Caller().log_in(**fields))


def test_a_login_in_json_is_refused() -> None:
    answer = Caller().call("POST", "/oauth/token", body=b"{}", headers=JSON)
    assert (400, "invalid_request") == message(answer)


def test_credentials_in_a_url_are_refused() -> None:
    answer = Caller().call("POST", "/oauth/token", query=[("client_secret", "x")], headers=FORM)
    assert (400, "invalid_request") == message(answer)


def test_an_access_token_in_a_url_is_refused() -> None:
    answer = Caller().get("/v1/end_users/1", {"access_token": "sandbox-access-token-1"})
    assert (400, "access_token is not a field of this call") == message(answer)


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/responses"), ("DELETE", "/v1/end_users/1"), ("GET", "/")])
def test_there_are_no_other_calls(method: str, path: str) -> None:
    assert (404, "There is no such call") == message(Caller().call(method, path))
