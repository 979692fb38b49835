"""Each call of Wootric's APIs, as a request (the vendor's documentation, docs.wootric.com/api)."""

from __future__ import annotations

from typing import assert_never
from urllib.parse import quote

from mappings.contract import Request
from mappings.wootric.profile import Name, Pairs
from mappings.wootric.settings import Account


def log_in(account: Account) -> Request:
    """The token for all calls of the REST API."""
    return Request(
        method="POST",
        url=f"{account.api}/oauth/token",
        operation="login",
        form=(
            ("grant_type", "client_credentials"),
            ("client_id", account.client_id or ""),
            ("client_secret", account.client_secret or ""),
        ),
        login=False,
        promises_object=True,
    )


def look_up(account: Account, name: Name, max_age: float) -> Request:
    """The end user known as ``name``; 404 where there is none. ``max_age``: of what memory says, in seconds."""
    path, query = _where(name)
    return Request(
        method="GET",
        url=f"{account.api}/v1/end_users/{path}",
        operation="end-users/look-up",
        query=query,
        promises_object=True,
        cached_as=remembered_as(account, name),
        max_age=max_age,
    )


def create(account: Account, form: Pairs, names: tuple[Name, ...]) -> Request:
    """A new end user, from then on known by ``names``. It answers with the end user, and so does an update."""
    return Request(
        method="POST",
        url=f"{account.api}/v1/end_users",
        operation="end-users/create",
        form=form,
        promises_object=True,
        invalidates=_all_remembered(account, names),
    )


def update(account: Account, id: str, form: Pairs, names: tuple[Name, ...]) -> Request:  # noqa: A002  (the vendor's word)
    """Changes of an end user. ``names`` are the former and the new ones."""
    return Request(
        method="PUT",
        url=f"{account.api}/v1/end_users/{id}",
        operation="end-users/update",
        form=form,
        promises_object=True,
        invalidates=_all_remembered(account, names),
    )


def respond(account: Account, id: str, form: Pairs) -> Request:  # noqa: A002  (the vendor's word)
    """A survey's answer: a second one would be counted."""
    url = f"{account.api}/v1/end_users/{id}/responses"
    return Request(method="POST", url=url, operation="responses/create", form=form, repeatable=False)


def decline(account: Account, id: str, form: Pairs) -> Request:  # noqa: A002  (the vendor's word)
    """A survey that was not answered: a second one would be counted."""
    url = f"{account.api}/v1/end_users/{id}/declines"
    return Request(method="POST", url=url, operation="declines/create", form=form, repeatable=False)


def email_survey(account: Account, form: Pairs) -> Request:
    """Ask Wootric to e-mail the survey."""
    url = f"{account.api}/v1/email_survey"
    return Request(method="POST", url=url, operation="email-survey", form=form, repeatable=False)


def eligible(account: Account, query: Pairs) -> Request:
    """Is this person to be surveyed? The account's token goes in the query, where Wootric's own clients put it."""
    return Request(
        method="GET",
        url=f"{account.eligibility}/eligible.json",
        operation="eligible",
        query=(("account_token", account.account_token), *query),
        login=False,
        promises_object=True,
    )


def remembered_as(account: Account, name: Name) -> str:
    """The key under which a look-up's answer is remembered."""
    return f"{account.key}:{name.kind}:{name.key}"


def _all_remembered(account: Account, names: tuple[Name, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(remembered_as(account, name) for name in names))


def _where(name: Name) -> tuple[str, Pairs]:
    match name.kind:
        case "external_id":
            return _segment(name.value), (("lookup_by_external_id", "true"),)
        case "email":
            return _segment(name.value), (("lookup_by_email", "true"),)
        case "phone":
            # The vendor's page shows the "+" as it is.
            return f"phone_number/{quote(name.value, safe='+')}", ()
        case _:
            assert_never(name.kind)


def _segment(value: str) -> str:
    """``value`` as one segment of a path; "." and ".." would climb out of it."""
    return value.replace(".", "%2E") if value in (".", "..") else quote(value, safe="", errors="replace")
