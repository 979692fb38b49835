"""The sandbox as a process of its own, and what it is told to do wrong."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final
from urllib.request import Request, urlopen

import orjson

from tests.torture.acts import Kind, Misbehaviour
from tests.torture.evidence import REFUSED
from worker.sandbox.exchange import Destination
from worker.sandbox.faults import RULES, Hang, Nonsense, Reset, Rule, Status

SECONDS: Final = 30.0
SOME: Final = 0.1
# What everybody meets all the time: an answer takes a while, so that something is under way whenever anything happens;
# and one event in fifty is refused for good.
ALWAYS: Final = (
    Rule(operation="learn/event", probability=0.02, seed=1, do=Status(REFUSED)),
    Rule(operation="eligible", probability=0.02, seed=2, do=Status(REFUSED)),
    Rule(delay=0.02),
)
RULES_OF: Final[Mapping[Kind, Rule]] = {
    "slow": Rule(delay=1.0),
    "too slow": Rule(delay=4.0),
    "limited": Rule(do=Status(429, headers={"Retry-After": "3"})),
    "limited without a time": Rule(do=Status(429)),
    "down": Rule(do=Status(500)),
    "down with a time": Rule(do=Status(503, headers={"Retry-After": "2"})),
    "failing for some": Rule(share=SOME, do=Status(500)),
    "forbidden for some": Rule(share=SOME, do=Status(403)),
    "reset within an answer": Rule(probability=0.3, do=Reset(at="within")),
    "answer lost": Rule(probability=0.3, do=Reset(at="lost")),
    "hanging": Rule(do=Hang()),
    "hanging for some": Rule(share=SOME, do=Hang()),
    "a page": Rule(do=Nonsense(kind="html")),
    "not JSON": Rule(probability=0.3, do=Nonsense(kind="not json")),
    "a number": Rule(probability=0.3, do=Nonsense(kind="number")),
    "a large answer": Rule(probability=0.3, do=Nonsense(kind="large")),
    "odd headers": Rule(do=Nonsense(kind="odd headers")),
}


class Vendors:
    """Both stand-ins, by their control API."""

    def __init__(self, url: str, always: Sequence[Rule]) -> None:
        self.url = url
        self._always = always
        self._wrong: dict[Destination, Rule] = {}

    def misbehave(self, act: Misbehaviour) -> None:
        """Until :meth:`behave`."""
        rule = RULES_OF[act.kind]
        self._wrong[act.destination] = replace(rule, destination=act.destination, seed=act.seed)
        self._put()

    def behave(self, *destinations: Destination) -> None:
        """As always again; whoever hangs goes on."""
        for destination in destinations:
            self._wrong.pop(destination, None)
        self._put()
        self._ask("POST", "release")

    def expect(self, destination: Destination, secret: str) -> None:
        """This is the right secret from now on, and no login of before counts."""
        tokens = {"wigzo": {"org_token": secret}, "wootric": {"client_secret": secret, "revoke": True}}
        self._ask("POST", "tokens", orjson.dumps({destination: tokens[destination]}))

    def arrivals(self) -> list[dict[str, Any]]:
        """Every call so far, in order."""
        return [orjson.loads(line) for line in self._ask("GET", "arrivals").splitlines()]

    def _put(self) -> None:
        self._ask("PUT", "faults", RULES.dump_json([*self._wrong.values(), *self._always]))

    def _ask(self, method: str, call: str, body: bytes | None = None) -> bytes:
        asked = Request(f"{self.url}/sandbox/{call}", data=body, method=method)  # noqa: S310  (our own)
        with urlopen(asked, timeout=SECONDS) as answer:  # noqa: S310  (our own)
            read: bytes = answer.read()
            return read


@contextmanager
def vendors(*always: Rule) -> Iterator[Vendors]:
    """Served by a process until the end of the block. ``always``: what is done wrong besides."""
    command = (sys.executable, "-m", "worker.cli", "sandbox", "--address", "127.0.0.1:0")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        try:
            _name, url = process.stdout.readline().split()
            served = Vendors(url, always)
            served.behave()
            yield served
        finally:
            process.kill()
