"""Wootric's calls: how each is recognised, and what it may carry."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from urllib.parse import unquote

from worker.sandbox import checks
from worker.sandbox.exchange import UNKNOWN, Call
from worker.sandbox.forms import BadForm, Check, Tree, flaws, pairs_of, tree_of

LOGIN: Final = "login"
LOOK_UP: Final = "end-users/look-up"
CREATE: Final = "end-users/create"
UPDATE: Final = "end-users/update"
RESPOND: Final = "responses/create"
DECLINE: Final = "declines/create"
SURVEY: Final = "email-survey"
ELIGIBLE: Final = "eligible"

Named: TypeAlias = list[tuple[str, str]]  # kind of name ("email") and name

# The first that matches, on the path as it came: an id's own slash is %2F and stays within its segment.
_ROUTES: Final = tuple(
    (method, re.compile(path), operation)
    for method, path, operation in (
        ("GET", r"/eligible\.json", ELIGIBLE),
        ("GET", r"/v1/end_users/phone_number/([^/]+)", LOOK_UP),
        ("GET", r"/v1/end_users/([^/]+)", LOOK_UP),
        ("PUT", r"/v1/end_users/([0-9]+)", UPDATE),
        ("POST", r"/v1/end_users", CREATE),
        ("POST", r"/v1/end_users/([0-9]+)/responses", RESPOND),
        ("POST", r"/v1/end_users/([0-9]+)/declines", DECLINE),
        ("POST", r"/v1/email_survey", SURVEY),
        ("POST", r"/oauth/token", LOGIN),
    )
)


def recognise(call: Call) -> tuple[str, str]:
    """The operation, and what the path names (decoded), or :data:`UNKNOWN`."""
    for method, path, operation in _ROUTES:
        if method == call.method and (found := path.fullmatch(call.path)):
            return operation, unquote(found[1]) if found.groups() else ""
    return UNKNOWN, ""


_END_USER: Final[Mapping[str, Check]] = {
    "email": checks.email,
    "phone_number": checks.phone,
    "external_id": checks.text,
    "external_created_at": checks.seconds,
    "properties": checks.properties,
}
_OF_SURVEYED: Final = checks.within(properties=checks.properties)


@dataclass(frozen=True, slots=True)
class Form:
    """The fields that a call knows, and those it needs."""

    fields: Mapping[str, Check]
    required: tuple[str, ...] = ()


_FORMS: Final[Mapping[str, Form]] = {
    LOGIN: Form(dict.fromkeys(("grant_type", "client_id", "client_secret"), checks.any_text)),
    CREATE: Form(_END_USER),
    UPDATE: Form(_END_USER),
    RESPOND: Form(
        {
            "score": checks.score,
            "ip_address": checks.ip_address,
            "origin_url": checks.url,
            "text": checks.any_text,
            "created_at": checks.seconds,
            "end_user": _OF_SURVEYED,
        },
        required=("score", "ip_address", "origin_url"),
    ),
    DECLINE: Form({"origin_url": checks.url, "created_at": checks.seconds, "end_user": _OF_SURVEYED}),
    SURVEY: Form(
        {
            "emails": checks.emails,
            "survey_immediately": checks.boolean,
            "end_user": _OF_SURVEYED,
            "survey_settings": checks.within(
                language=checks.text,
                product_name=checks.text,
                audience_text=checks.text,
                custom_messages=lambda value: "" if isinstance(value, dict) else "must be keys and values",
            ),
        },
        required=("emails",),
    ),
}
_QUERIES: Final[Mapping[str, Form]] = {
    LOOK_UP: Form(dict.fromkeys(("lookup_by_external_id", "lookup_by_email"), checks.boolean)),
    ELIGIBLE: Form(
        {
            "account_token": checks.text,
            "email": checks.email,
            "external_id": checks.text,
            "phone_number": checks.phone,
            "end_user_created_at": checks.seconds,
            "language": checks.within(code=checks.text),
            "event_name": checks.text,
            "survey_immediately": checks.boolean,
            "properties": checks.properties,
            "page_info": checks.within(url=checks.text, name=checks.text, path=checks.text),
        },
        required=("account_token",),
    ),
}
_NOTHING: Final = Form({})


def read(call: Call, operation: str) -> tuple[Tree, str]:
    """What a call carries (the query of a GET, the form of the others), and what is wrong with it."""
    try:
        query = tree_of(call.query)
        if call.method == "GET":
            return query, _said(query, _QUERIES[operation])
        return _read_form(call, operation, query)
    except BadForm as bad:
        return {}, str(bad)


def _read_form(call: Call, operation: str, query: Tree) -> tuple[Tree, str]:
    if call.body and not call.is_of_type("application/x-www-form-urlencoded"):
        raise BadForm("Content-Type must be application/x-www-form-urlencoded")
    tree = tree_of(pairs_of(call.body))
    return tree, _said(query, _NOTHING) or _said(tree, _FORMS[operation])


def _said(tree: Tree, form: Form) -> str:
    return "; ".join(f"{name} {why}" for name, why in flaws(tree, form.fields, form.required))


def looked_up_by(call: Call) -> str:
    """What kind of name the path holds, or empty where the query says two things."""
    if call.path.startswith("/v1/end_users/phone_number/"):
        return "phone_number" if not call.query else ""
    match call.query:
        case []:
            return "id"
        case [("lookup_by_external_id", "true")]:
            return "external_id"
        case [("lookup_by_email", "true")]:
            return "email"
        case _:
            return ""


def named(call: Call, operation: str, subject: str, tree: Mapping[str, Any]) -> Named:
    """How a call says whom it is about."""
    if operation in (UPDATE, RESPOND, DECLINE):
        return [("id", subject)]
    if operation == LOOK_UP:
        return [(looked_up_by(call), subject)]
    if operation == SURVEY:
        emails = tree.get("emails")
        return [("email", email) for email in emails] if isinstance(emails, list) else []
    kinds = ("external_id", "email", "phone_number")
    return [(kind, tree[kind]) for kind in kinds if isinstance(tree.get(kind), str) and tree[kind]]
