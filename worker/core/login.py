"""One login for all who wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias, assert_never

from mappings.contract import Credentials, Destination, Request, Response
from mappings.contract import Login as LoginFlow
from worker.core.answers import EventRefused, Failed, OverLimit, SetupRefused, ToFlow, TokenRefused, verdict
from worker.core.faults import Fault
from worker.core.retry import Random, backoff

ONE_IN: Final = 30.0  # seconds: a token that was got this recently and is refused is not a stale one
REFUSED_WAIT: Final = 60.0  # a wrong secret does not get better by asking more often
RENEW_SHARE: Final = 0.1  # of the lifetime, before its end
SHORTEST_LIFE: Final = 1.0  # seconds: a token that is born dead is used once


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """Credentials are there."""


@dataclass(frozen=True, slots=True)
class LoginFailed:
    """None yet; the next try is due in ``wait`` seconds. ``why`` is for people."""

    wait: float
    why: str


Step: TypeAlias = Request | LoggedIn | LoginFailed


class Login:
    """The credentials of one destination, and the flow that gets them.

    A token in use is identified by the object: only the one that failed is ever forgotten.
    """

    def __init__(self, destination: Destination[Any], settings: object, random: Random) -> None:
        self._destination = destination
        self._random = random
        self.credentials: Credentials | None = None
        self._got = 0.0
        self._renew_at = self._expires_at = float("inf")
        self._steps: LoginFlow | None = None
        self._begun_with: object = None
        self._request: Request | None = None
        self._failures = 0
        self._next_at = 0.0
        self.settings(settings)

    def settings(self, settings: object) -> None:
        """New settings: what was got with the old ones is forgotten."""
        self._settings = settings
        self.wanted = self._is_wanted()
        self.credentials = None
        self._next_at = 0.0

    def _is_wanted(self) -> bool:
        try:
            return self._flow() is not None
        except Exception:  # noqa: BLE001  (a stranger's mapping may raise anything: it is told when the login begins)
            return True

    def _flow(self) -> LoginFlow | None:
        return self._destination.login(self._settings) if self._destination.login else None

    @property
    def next_try(self) -> float:
        """When a login may begin again, Unix seconds."""
        return self._next_at

    @property
    def under_way(self) -> bool:
        """A login is being made: one at a time."""
        return self._steps is not None

    def needed(self, now: float) -> bool:
        """Is there no token that a request could carry now?"""
        if self.credentials is not None and now >= self._expires_at:
            self.credentials = None
        return self.credentials is None

    def due(self, now: float) -> bool:
        """May a login begin now: because there is no token, or to renew one before its end?"""
        return not self.under_way and now >= self._next_at and (self.needed(now) or now >= self._renew_at)

    def begin(self, now: float) -> Step:
        """The login's first request. Only where one is ``wanted``."""
        self._begun_with = self._settings
        return self._resume(self._first, now)

    def _first(self) -> Request:
        self._steps = flow = self._flow()
        assert flow is not None  # noqa: S101
        return next(flow)

    def answer(self, answer: Response | Fault, now: float) -> Step:
        """What follows the answer to the request that ``begin`` or ``answer`` gave."""
        steps, request = self._steps, self._request
        assert steps is not None  # noqa: S101
        assert request is not None  # noqa: S101  (an answer follows a request)
        if self._begun_with is not self._settings:
            return self._begin_anew(now)
        meant = verdict(request, answer, self._destination, now)
        match meant:
            case ToFlow() if isinstance(answer, Response) and answer.ok:
                return self._resume(lambda: steps.send(answer), now)
            case ToFlow() | SetupRefused() | EventRefused() | TokenRefused():
                status = answer.status if isinstance(answer, Response) else ""
                return self._failed(REFUSED_WAIT, f"the login was refused (HTTP {status}): check the credentials", now)
            case Failed(reason, after):
                return self._failed(self._patience(after), f"the login failed ({reason})", now)
            case OverLimit(wait, _):
                return self._failed(self._patience(wait), "the login is over the vendor's limit", now)
            case _:  # pragma: no cover
                assert_never(meant)

    def refused(self, used: Credentials | None, now: float) -> bool:
        """A 401 was answered to ``used``: is it worth sending again, with another token?

        At most one login in 30 s: a fresh token that is refused is a fault of the set-up.
        """
        if used is not self.credentials:
            return True
        if now - self._got < ONE_IN:
            return False
        self.credentials = None
        return True

    def _begin_anew(self, now: float) -> Step:
        """The settings have changed meanwhile: what is got with the old ones is not wanted."""
        self._steps = self._request = None
        return self.begin(now) if self.wanted else LoggedIn()

    def _resume(self, step: Any, now: float) -> Step:
        try:
            return self._next(step, now)
        except Exception as error:  # noqa: BLE001  (a stranger's mapping may raise anything, and return it, too)
            return self._failed(REFUSED_WAIT, f"the mapping's login raised {type(error).__name__}", now)

    def _next(self, step: Any, now: float) -> Step:
        try:
            request = step()
        except StopIteration as end:
            return self._ended(end.value, now)
        if not isinstance(request, Request):
            raise TypeError(f"a login yielded {type(request).__name__}")
        self._request = request
        return request

    def _ended(self, credentials: object, now: float) -> Step:
        if credentials is None:
            return self._failed(self._patience(None), "the login's answer holds no token", now)
        if not isinstance(credentials, Credentials):
            raise TypeError(f"a login returned {type(credentials).__name__}")
        lifetime = float("inf") if credentials.lifetime is None else max(credentials.lifetime, SHORTEST_LIFE)
        self._expires_at = now + lifetime
        self._renew_at = now + lifetime * (1 - RENEW_SHARE)
        self._steps = self._request = None
        self.credentials = credentials
        self._failures = 0
        self._got = now
        return LoggedIn()

    def _patience(self, wished: float | None) -> float:
        """At least the backoff: who names no time, or none to speak of, is not to be asked without a pause."""
        return max(backoff(self._failures + 1, self._random), wished or 0.0)

    def _failed(self, wait: float, why: str, now: float) -> LoginFailed:
        self._steps = self._request = None
        self._failures += 1
        self._next_at = now + wait
        return LoginFailed(wait, why)
