"""A stand-in of Wootric: tokens that expire, end users, responses, declines, surveys, eligibility, limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, Literal

from worker.sandbox import checks
from worker.sandbox import wootric_calls as calls
from worker.sandbox.access_tokens import AccessTokens
from worker.sandbox.eligibility import EligibilityRule, verdict
from worker.sandbox.end_users import EndUser, EndUsers, Properties
from worker.sandbox.exchange import SECRETS, UNKNOWN, Answer, Call, Heard, done, told
from worker.sandbox.limits import Limit, Windows

# Limits are counted by class of endpoints; the login has none.
_LIMITED_AS: Final[Mapping[str, str]] = {
    calls.LOOK_UP: "end_users",
    calls.CREATE: "end_users",
    calls.UPDATE: "end_users",
    calls.RESPOND: "responses",
    calls.DECLINE: "declines",
    calls.SURVEY: "email_survey",
    calls.ELIGIBLE: "eligible",
}


@dataclass(frozen=True, slots=True)
class Account:
    """Which credentials are right, and what the documentation leaves open.

    ``token_lifetime`` in seconds. ``properties``: whether an update's replace those that are there or are merged in.
    ``taken_status``: how a name that somebody else has is refused. ``limit``: ``None`` sends no limit headers.
    """

    account_token: str = field(default="NPS-5a4db0c1", repr=False)
    client_id: str = field(default="sandbox-client-id", repr=False)
    client_secret: str = field(default="sandbox-client-secret", repr=False)
    token_lifetime: float = 7200
    properties: Properties = "replace"
    taken_status: Literal[400, 422] = 400
    limit: Limit | None = None


class Wootric:
    """The account's state. ``keep=False`` stores end users (the calls need them) and counts the rest."""

    def __init__(self, account: Account | None = None, *, keep: bool = True) -> None:
        self.account = account or Account()
        self.eligibility: Sequence[EligibilityRule] = ()
        self.access_tokens = AccessTokens()
        self._keep = keep
        self._windows = Windows()
        self.reset()

    def reset(self) -> None:
        """Forget everybody. Access tokens stay good: whoever logged in goes on."""
        self.end_users = EndUsers()
        self._ids = count(5_000_001)
        self.responses: list[dict[str, Any]] = []
        self.declines: list[dict[str, Any]] = []
        self.surveys: list[dict[str, Any]] = []
        self._windows.reset()

    def state(self) -> dict[str, Any]:
        """Everything that calls have left, without the times at which they came."""
        return {
            "end_users": [user.lasting() for user in self.end_users.by_id.values()],
            "responses": self.responses,
            "declines": self.declines,
            "surveys": self.surveys,
        }

    def hear(self, call: Call) -> Heard:
        operation, subject = calls.recognise(call)
        if operation is UNKNOWN:
            return Heard(call, "wootric", UNKNOWN)
        tree, flaw = calls.read(call, operation)
        body = {name: value for name, value in tree.items() if name not in SECRETS}
        named = calls.named(call, operation, subject, tree)
        found = next((user for kind, name in named if (user := self.end_users.find(kind, name))), None)
        names = frozenset(name for kind, name in named if kind != "id") | (found.names if found else frozenset())
        return Heard(call, "wootric", operation, _user(found, named), names, body, subject, flaw)

    def answer(self, heard: Heard, now: float) -> Answer:
        match heard.operation:
            case calls.LOGIN:
                return self._log_in(heard, now)
            case calls.ELIGIBLE:
                is_known = dict(heard.call.query).get("account_token") == self.account.account_token
            case operation if operation is UNKNOWN:
                return _errors(404, "not_found", "There is no such call")
            case _:
                is_known = self._is_logged_in(heard.call, now)
        if not is_known:
            return _errors(401, "unauthorized", "The access token or the account token is not valid")
        return self._within_limit(heard, now)

    def _is_logged_in(self, call: Call, now: float) -> bool:
        scheme, _, token = call.header("authorization").partition(" ")
        return scheme.lower() == "bearer" and self.access_tokens.is_good(token, now)

    def _within_limit(self, heard: Heard, now: float) -> Answer:
        if (limit := self.account.limit) is None:
            return self._carry_out(heard, now)
        standing = self._windows.take(_LIMITED_AS[heard.operation], limit, now)
        if standing.over:
            return _errors(429, "too_many_requests", "Try again in a minute", headers=standing.headers)
        answer = self._carry_out(heard, now)
        return Answer(answer.status, answer.body, standing.headers, answer.accepted, answer.changed)

    def _carry_out(self, heard: Heard, now: float) -> Answer:
        if heard.flaw:
            return _errors(400, "bad_request", heard.flaw)
        match heard.operation:
            case calls.LOOK_UP:
                return self._look_up(heard)
            case calls.CREATE:
                return self._create(heard, now)
            case calls.UPDATE:
                return self._update(heard, now)
            case calls.RESPOND:
                return self._respond(heard, now)
            case calls.DECLINE:
                return self._decline(heard, now)
            case calls.SURVEY:
                return self._survey(heard, now)
            case _:
                return self._eligible(heard)

    def _log_in(self, heard: Heard, now: float) -> Answer:
        form, flaw = calls.read(heard.call, calls.LOGIN)
        account = self.account
        if flaw:
            return Answer(400, {"error": "invalid_request", "error_description": flaw})
        if form.get("grant_type") != "client_credentials":
            return Answer(400, {"error": "unsupported_grant_type"})
        if (form.get("client_id"), form.get("client_secret")) != (account.client_id, account.client_secret):
            return Answer(401, {"error": "invalid_client", "error_description": "Client authentication failed"})
        token = self.access_tokens.issue(now, account.token_lifetime)
        return done({"access_token": token, "token_type": "bearer", "expires_in": account.token_lifetime})

    def _look_up(self, heard: Heard) -> Answer:
        kind = calls.looked_up_by(heard.call)
        if not kind:
            return _errors(400, "bad_request", "Look up by one name at a time")
        if kind == "phone_number" and (why := checks.phone(heard.subject)):
            return _errors(400, "bad_request", f"phone_number {why}")
        found = self.end_users.find(kind, heard.subject)
        return told(found.body()) if found else _not_found()

    def _create(self, heard: Heard, now: float) -> Answer:
        if not heard.body.keys() & {"email", "phone_number"}:
            return self._invalid(["Email or phone number can't be blank"])
        if taken := self.end_users.taken(heard.body):
            return self._invalid(taken)
        return done(self.end_users.create(heard.body, now).body(), 201)

    def _update(self, heard: Heard, now: float) -> Answer:
        if (user := self.end_users.find("id", heard.subject)) is None:
            return _not_found()
        if not heard.body:
            return _errors(400, "bad_request", "There is nothing to update")
        if taken := self.end_users.taken(heard.body, but=user):
            return self._invalid(taken)
        self.end_users.update(user, heard.body, now, self.account.properties)
        return done(user.body())

    def _respond(self, heard: Heard, now: float) -> Answer:
        entry = {name: heard.body.get(name) for name in ("text", "ip_address", "origin_url")}
        return self._about(heard, now, self.responses, entry | {"score": int(heard.body["score"])})

    def _decline(self, heard: Heard, now: float) -> Answer:
        return self._about(heard, now, self.declines, {"origin_url": heard.body.get("origin_url")})

    def _about(self, heard: Heard, now: float, entries: list[dict[str, Any]], entry: dict[str, Any]) -> Answer:
        """File what an end user said, with the properties that came along."""
        if (user := self.end_users.find("id", heard.subject)) is None:
            return _not_found()
        self._add_properties(user, heard, now)
        created_at = int(heard.body["created_at"]) if "created_at" in heard.body else None
        filed = {"id": next(self._ids), "end_user_id": user.id, "created_at": created_at, **entry}
        if self._keep:
            entries.append(filed)
        return done(filed, 201)

    def _survey(self, heard: Heard, now: float) -> Answer:
        """Ask for surveys by e-mail; whoever is not known yet becomes an end user."""
        for email in heard.body["emails"]:
            user = self.end_users.find("email", email) or self.end_users.create({"email": email}, now)
            user.last_surveyed = now
            self._add_properties(user, heard, now)
        if self._keep:
            self.surveys.append(heard.body)
        return done({"status": "ok", "emails": len(heard.body["emails"])})

    def _add_properties(self, user: EndUser, heard: Heard, now: float) -> None:
        if added := heard.body.get("end_user", {}).get("properties"):
            self.end_users.update(user, {"properties": added}, now, "merge")

    def _eligible(self, heard: Heard) -> Answer:
        said = next((heard.body[k] for k in ("email", "external_id", "phone_number") if k in heard.body), None)
        if said is None:
            return _errors(400, "bad_request", "email, external_id and phone_number are missing: one is needed")
        return told(verdict(self.eligibility, said, heard.names, heard.body.get("event_name", "")))

    def _invalid(self, messages: list[str]) -> Answer:
        return Answer(self.account.taken_status, {"error": f"Validation failed: {', '.join(messages)}"})


def _user(found: EndUser | None, named: calls.Named) -> str:
    """The one name under which a person's calls are counted: what the call says itself, if it says an external id."""
    said = dict(named)
    own = said.get("external_id") or (found and (found.external_id or found.email or found.phone_number))
    return own or said.get("email") or said.get("phone_number") or ""


def _errors(status: int, slug: str, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    body = {"type": "error_list", "errors": [{"status": slug, "message": message, "field": None}]}
    return Answer(status, body, headers or {})


def _not_found() -> Answer:
    return _errors(404, "record_not_found", "The record could not be found")
