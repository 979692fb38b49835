"""What must arrive for the script of 30 shoppers, and the sandbox's record in the same words.

``expected/python-*.json`` were written from the vendors' tables and the events, line by line, without the mappings.
Each shopper has its events in order: ``line`` is the line of the library's file, counted from 1; then either the
``outcome`` of an event of which nothing may be sent (or of which only look-ups come), or what is sent.

* Wigzo: ``identify`` is the person without ``userId``, ``is_active`` and ``source``; ``event`` and ``value`` are
  ``eventName`` and ``eventval`` ("its properties": the event's own, verbatim), ``source`` is "web" where none is said.
* Wootric: ``requests`` in order. ``look-up`` names who is looked for; an ``update``'s ``gains`` are laid over what the
  end user had, and the whole set is written; a check carries the whole set, too. A look-up whose answer is known is not
  made, but a survey's answer asks anew: its post must be the last request, so an end user that is gone could not be put
  right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import orjson

from worker.sandbox.eligibility import EligibilityRule
from worker.sandbox.record import Arrival

Entry = dict[str, Any]
Expected = dict[str, list[Entry]]
# A survey by e-mail is expected for these two events, and for no other.
SURVEYED = (
    EligibilityRule(eligible=True, users=frozenset({"usr|20|ünï"}), event_name="Order Completed"),
    EligibilityRule(eligible=True, users=frozenset({"cust_00019"}), event_name="Checkout Started"),
    EligibilityRule(eligible=False),
)


def expected(name: str) -> Expected:
    """By shopper: the user's id, else the anonymous one."""
    found: Expected = orjson.loads((Path(__file__).parent / "expected" / f"python-{name}.json").read_bytes())
    return found


def outcomes(of: Expected) -> dict[int, str]:
    """By line: why nothing is written."""
    return {entry["line"]: entry["outcome"] for entries in of.values() for entry in entries if "outcome" in entry}


# --- Wigzo


def wigzo_expected(of: Expected, messages: list[bytes]) -> dict[str, list[Entry]]:
    """What must arrive there, by user."""
    by_line = wigzo_by_line(of, messages)
    found = {
        user: [by_line[each["line"]] for each in entries if each["line"] in by_line] for user, entries in of.items()
    }
    return {user: requests for user, requests in found.items() if requests}


def wigzo_by_line(of: Expected, messages: list[bytes]) -> dict[int, Entry]:
    """What must arrive there of each line."""
    entries = [entry for entries in of.values() for entry in entries if "outcome" not in entry]
    return {entry["line"]: _wigzo_request(entry, messages) for entry in entries}


def _wigzo_request(entry: Entry, messages: list[bytes]) -> Entry:
    if "identify" in entry:
        return {"identify": entry["identify"]}
    value = entry["value"]
    if value == "its properties" or (isinstance(value, dict) and "its properties and" in value):
        own = orjson.loads(messages[entry["line"] - 1]).get("properties") or {}
        value = {**own, **({} if isinstance(value, str) else value["its properties and"])}
    return {"event": entry["event"], "value": value, "source": entry.get("source", "web")}


def wigzo_arrived(arrivals: Iterable[Arrival]) -> dict[str, list[Entry]]:
    """What arrived there, by user."""
    found: dict[str, list[Entry]] = {}
    for arrival in arrivals:
        found.setdefault(arrival.user, []).append(_wigzo_arrival(arrival))
    return found


def _wigzo_arrival(arrival: Arrival) -> Entry:
    body = dict(arrival.body)
    if arrival.operation == "learn/identify":
        person = {name: body[name] for name in body if name not in ("userId", "is_active", "source")}
        return {"identify": person}
    return {"event": body["eventName"], "value": body["eventval"], "source": body["source"]}


# --- Wootric


def wootric_expected(of: Expected) -> dict[str, list[Entry]]:
    """What must arrive there, by the name that the end user has there: its external id, else its e-mail address."""
    found = {_name(user, entries): list(_spelt_out(entries)) for user, entries in of.items()}
    return {name: requests for name, requests in found.items() if requests}


def _name(user: str, entries: list[Entry]) -> str:
    known = [request["create"] for request in _requests(entries) if "create" in request]
    checks = [request["eligible"] for request in _requests(entries) if "eligible" in request]
    said = (known + checks)[:1]
    return user if not said else str(said[0].get("external_id") or said[0]["email"])


def _requests(entries: list[Entry]) -> Iterator[Entry]:
    for entry in entries:
        yield from entry.get("requests", ())


def _spelt_out(entries: list[Entry]) -> Iterator[Entry]:
    properties: dict[str, str] = {}
    for request in _requests(entries):
        match request:
            case {"create": person}:
                properties = person["properties"]
                yield request
            case {"update": {"gains": gains, **fields}}:
                properties = {**properties, **gains}
                yield {"update": {**fields, "properties": properties}}
            case {"eligible": {"properties": _}}:
                yield request
            case {"eligible": check}:
                yield {"eligible": {**check, "properties": properties}}
            case _:
                yield request


def wootric_arrived(arrivals: Iterable[Arrival]) -> dict[str, list[Entry]]:
    """What arrived there, by the end user's name; logins apart."""
    found: dict[str, list[Entry]] = {}
    for arrival in arrivals:
        if arrival.operation != "login":
            found.setdefault(arrival.user, []).append(_wootric_arrival(arrival))
    return found


def _wootric_arrival(arrival: Arrival) -> Entry:
    body: Mapping[str, Any] = arrival.body
    match arrival.operation:
        case "end-users/look-up":
            return {"look-up": unquote(arrival.path.rsplit("/", 1)[-1])}
        case "end-users/create":
            return {"create": {**body, "properties": body.get("properties", {})}}
        case "end-users/update":
            return {"update": dict(body)}
        case "responses/create":
            return {"response": dict(body)}
        case "declines/create":
            return {"decline": dict(body)}
        case "email-survey":
            return {"email-survey": {"emails": body["emails"], **body.get("survey_settings", {})}}
        case "eligible":
            return {"eligible": _check(body)}
    return {arrival.operation: body}


def _check(body: Mapping[str, Any]) -> Entry:
    assert body["survey_immediately"] == "false"
    said = {name: value for name, value in body.items() if name not in ("survey_immediately", "language", "properties")}
    language = {"language": body["language"]["code"]} if "language" in body else {}
    return {**said, **language, "properties": body.get("properties", {})}
