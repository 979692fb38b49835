"""Logging in: OAuth's client credentials, for the REST API alone. And a call that tries them without effect."""

from __future__ import annotations

from math import inf
from typing import Final

from mappings.contract import Credentials, Delivered, Flow, Login, Response, Skipped
from mappings.wootric import calls
from mappings.wootric.answers import refused
from mappings.wootric.end_users import ANEW
from mappings.wootric.profile import Name
from mappings.wootric.settings import Account

# Nobody's: a look-up of it changes nothing, and 404 says that the token is good.
NOBODY: Final = Name("external_id", "segment-relay-check")


def login(account: Account) -> Login | None:
    """The login flow, or ``None`` where the account has no credentials: eligibility checks need none."""
    return _login(account) if account.has_credentials else None


def check(account: Account) -> Flow:
    """Try the credentials. An account token alone cannot be tried without effect: it is seen at the first event."""
    if not account.has_credentials:
        return Skipped("unchecked")
    answer = yield calls.look_up(account, NOBODY, max_age=ANEW)
    if answer.ok or answer.status == 404:
        return Delivered()
    raise refused(answer)


def _login(account: Account) -> Login:
    answer = yield calls.log_in(account)
    return _credentials(answer) if answer.ok else None


def _credentials(answer: Response) -> Credentials | None:
    said = answer.object()
    token, lifetime = said.get("access_token"), said.get("expires_in")
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
        return None
    lasts = isinstance(lifetime, int | float) and 0 < lifetime < inf
    return Credentials({"authorization": f"Bearer {token}"}, lifetime if lasts else None)
