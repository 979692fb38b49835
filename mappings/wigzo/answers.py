"""What Wigzo means by an answer.

Its answers are undocumented. Its own SDKs take a 2xx for success, unless the body is a JSON object whose ``status`` is
another word than ``success``.
"""

from __future__ import annotations

from typing import Final

from mappings.contract import Meaning, Refused, Response, WrongSetup

__all__ = ["excerpt", "meaning"]

SUCCESS: Final = b'"status":"success"'
ABOUT_THE_ACCOUNT: Final = ("token", "organization", "unauthori")


def meaning(response: Response) -> Meaning | None:
    """A 2xx that says no; ``None`` where the worker's table decides.

    No that speaks of the account is a wrong set-up: it would be said to every event.
    """
    # Asked of every success: the body is parsed only where it can say no. Whose only status is this one says yes.
    body = response.body
    if not response.ok or not body or body.count(b'"status"') == body.count(SUCCESS):
        return None
    if response.object().get("status", "success") == "success":
        return None
    said = excerpt(response)
    if any(word in body.lower().decode("utf-8", "replace") for word in ABOUT_THE_ACCOUNT):
        return WrongSetup("wrong-account", said)
    return Refused("refused", said)


def excerpt(response: Response) -> str:
    """The body's first 500 characters: more is not kept of an answer."""
    return (response.body or b"")[:2000].decode("utf-8", "replace")[:500]
