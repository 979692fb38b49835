"""What goes between a caller and a stand-in, as values: a call, what it was heard to be, and the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

Destination: TypeAlias = Literal["wigzo", "wootric"]
Pairs: TypeAlias = Sequence[tuple[str, str]]

UNKNOWN: Final = "unknown"  # the operation of a call that no vendor has
# What may carry a secret, in a query or in a form: none of it is ever kept in the record.
SECRETS: Final = frozenset({"org_token", "token", "account_token", "access_token", "client_id", "client_secret"})


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request. ``path`` is percent-encoded as it came, without the query; ``headers`` are asked for by
    lower-case names."""

    method: str
    path: str
    query: Pairs = field(default=(), repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)

    def header(self, name: str) -> str:
        return self.headers.get(name, "")

    def is_of_type(self, media_type: str) -> bool:
        """Whether ``Content-Type`` says so; its parameters are nobody's business."""
        return self.header("content-type").partition(";")[0].strip().lower() == media_type


@dataclass(frozen=True, slots=True)
class Heard:
    """A call as its vendor reads it, before anything is answered.

    ``operation`` is the vendor's call ("learn/event"), :data:`UNKNOWN` where it has none such. ``user`` is the one
    name under which this person's calls are counted together, as well as the call tells, or empty; ``names`` are all
    the names by which a fault may choose the person. ``body`` is the parsed body without secrets, ``subject`` what the
    path names. ``flaw`` says why the body cannot be read, or is empty.
    """

    call: Call
    destination: Destination
    operation: str
    user: str = ""
    names: frozenset[str] = frozenset()
    body: Any = None
    subject: str = ""
    flaw: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """``body`` is a JSON value. ``accepted``: the vendor did what was asked; ``changed``: its state may differ now."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    accepted: bool = False
    changed: bool = False


def done(body: Any, status: int = 200) -> Answer:
    """Asked and carried out."""
    return Answer(status, body, accepted=True, changed=True)


def told(body: Any) -> Answer:
    """A question answered: nothing changed."""
    return Answer(200, body, accepted=True)


def without_secrets(pairs: Pairs) -> Pairs:
    return [pair for pair in pairs if pair[0] not in SECRETS]
