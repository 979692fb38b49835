"""What to do wrong, for all or for chosen users: a list of rules, of which the first that matches is carried out.

Rules are values that pydantic reads from JSON as they stand here::

    [{"destination": "wigzo", "users": ["u1"], "times": 3, "do": {"fault": "status", "status": 503}},
     {"operation": "eligible", "delay": 2.5}]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Annotated, Literal, TypeAlias
from zlib import crc32

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass as validated

from worker.sandbox.exchange import Destination, Heard

_STRICT = ConfigDict(extra="forbid")


@validated(frozen=True, slots=True, config=_STRICT)
class Status:
    """Answer with this, whatever was asked: nothing changes. A redirect is a status and a ``Location``."""

    status: Annotated[int, Field(ge=200, le=599)]
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    fault: Literal["status"] = "status"


@validated(frozen=True, slots=True, config=_STRICT)
class Hang:
    """Say nothing until released, two minutes at most; then go on as if nothing had been."""

    fault: Literal["hang"] = "hang"


@validated(frozen=True, slots=True, config=_STRICT)
class Reset:
    """Reset the connection.

    ``before``: nothing was done. ``within``: it was done, and half of the answer was written.
    ``lost``: it was done, and nothing of the answer was written.
    """

    at: Literal["before", "within", "lost"] = "before"
    fault: Literal["reset"] = "reset"


@validated(frozen=True, slots=True, config=_STRICT)
class Nonsense:
    """Answer with nonsense and the status 200.

    ``html`` is a page of something that stands before the vendor: nothing was done. The others were done:
    ``not json`` is cut short, ``large`` is an object of 300 KB, ``number`` is a number, and ``odd headers`` is the
    true answer with dates and limits that are none.
    """

    kind: Literal["html", "not json", "large", "number", "odd headers"]
    fault: Literal["nonsense"] = "nonsense"


Action: TypeAlias = Annotated[Status | Hang | Reset | Nonsense, Field(discriminator="fault")]
Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0)]


@validated(frozen=True, slots=True, config=_STRICT)
class Rule:
    """When to do what; whatever is not given matches everything.

    ``operation`` is a vendor's call ("learn/event"), ``path`` a path's beginning. ``users`` are any of a person's
    names (user id, external id, e-mail, phone); ``share`` is a part of all users, always the same ones for one
    ``seed``. ``probability`` draws for each call. ``times``: the first so many calls only. ``after`` and ``until`` are
    seconds since the rules were given. The answer waits for ``delay`` seconds first; without ``do`` it is then the
    true one.
    """

    destination: Destination | None = None
    operation: str | None = None
    path: str | None = None
    users: frozenset[str] = frozenset()
    share: Share = 1.0
    probability: Share = 1.0
    seed: int = 0
    times: Annotated[int, Field(ge=1)] | None = None
    after: Seconds = 0.0
    until: Seconds | None = None
    delay: Seconds = 0.0
    do: Action | None = None

    def concerns(self, heard: Heard) -> bool:
        """By what the call is; time, times and chance are looked at elsewhere."""
        return (
            self.destination in (None, heard.destination)
            and self.operation in (None, heard.operation)
            and (self.path is None or heard.call.path.startswith(self.path))
            and (not self.users or bool(self.users & heard.names))
            and (self.share == 1.0 or crc32(f"{self.seed}:{heard.user}".encode()) < self.share * 2**32)
        )


RULES: TypeAdapter[list[Rule]] = TypeAdapter(list[Rule])


@dataclass(slots=True)
class _Standing:
    """One rule, how often it was carried out, and its own chance."""

    rule: Rule
    random: Random
    done: int = 0

    def falls_due(self, heard: Heard, age: float) -> bool:
        rule = self.rule
        return (
            rule.concerns(heard)
            and (rule.times is None or self.done < rule.times)
            and rule.after <= age
            and (rule.until is None or age < rule.until)
            and (rule.probability == 1.0 or self.random.random() < rule.probability)
        )


class Faults:
    """The rules in force. ``now`` is in Unix seconds."""

    def __init__(self) -> None:
        self._standing: list[_Standing] = []
        self._since = 0.0

    def put(self, rules: Sequence[Rule], now: float) -> None:
        """These rules instead of all former ones; their times are counted anew."""
        self._standing = [_Standing(rule, Random(rule.seed)) for rule in rules]  # noqa: S311  (repeatable on purpose)
        self._since = now

    def pick(self, heard: Heard, now: float) -> Rule | None:
        """The rule to carry out on this call."""
        for standing in self._standing:
            if standing.falls_due(heard, now - self._since):
                standing.done += 1
                return standing.rule
        return None


PAGE = b"<!DOCTYPE html>\n<html><head><title>Maintenance</title></head><body><h1>Back soon</h1></body></html>\n"
ODD_HEADERS: Mapping[str, str] = {
    "Date": "the day before yesterday",
    "Retry-After": "soon",
    "X-Rate-Limit-Limit": "many",
    "X-Rate-Limit-Remaining": "a few",
    "X-Rate-Limit-Reset": "later",
}


# The body and the headers of an answer that is none, by kind.
NONSENSE: Mapping[str, tuple[bytes, Mapping[str, str]]] = {
    "html": (PAGE, {"Content-Type": "text/html; charset=utf-8"}),
    "not json": (b'{"status": "succ', {}),
    "large": (b'{"status": "success", "padding": "' + b"x" * 300_000 + b'"}', {}),
    "number": (b"7", {}),
}
