"""Real libraries' events at the sandbox's Wootric: all that is sent is taken, and merging leaves the same."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from mappings.contract import Event, Request, Response
from mappings.wootric.merge import MERGE
from mappings.wootric.settings import Account
from tests.builders import a_record
from tests.mappings.wootric_model import Worker
from worker.core.decode import decode
from worker.sandbox.exchange import Call
from worker.sandbox.wootric import Account as Expected
from worker.sandbox.wootric import Wootric

LIBRARIES = sorted((Path(__file__).parent.parent / "data" / "sdk").glob("*.jsonl"))
NEVER = 1e9  # seconds until the sandbox's token ends
FORM = "application/x-www-form-urlencoded"


@dataclass
class Sandbox:
    """The sandbox's Wootric without a socket. ``refused`` are its answers of 4xx, but for absent end users."""

    account: Expected = field(default_factory=Expected)
    refused: list[str] = field(default_factory=list)
    checks: list[object] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.wootric = Wootric(self.account)
        self.token = self.wootric.access_tokens.issue(0, NEVER)

    def answer(self, request: Request) -> Response:
        headers = {"authorization": f"Bearer {self.token}"} if request.login else {}
        body = urlencode(request.form or ()).encode()
        call = Call(
            request.method, urlsplit(request.url).path, list(request.query), {**headers, "content-type": FORM}, body
        )
        answer = self.wootric.answer(self.wootric.hear(call), 0)
        if answer.status >= 400 and answer.status != 404:
            self.refused.append(f"{request.operation}: {answer.body}")
        if request.operation == "eligible":
            self.checks.append(request.query)
        return Response(answer.status, body=json.dumps(answer.body).encode())


def by_user(path: Path) -> list[list[Event]]:
    users: dict[str, list[Event]] = defaultdict(list)
    for offset, line in enumerate(path.read_bytes().splitlines()):
        for event in decode(a_record(line, offset=offset), "Wootric"):
            assert isinstance(event, Event)
            users[event.key].append(event)
    return list(users.values())


def runs(events: list[Event], account: Account) -> Iterator[list[Event]]:
    """The events as the worker would merge them, had they all been waiting."""
    run = events[:1]
    for event in events[1:]:
        if MERGE.together(run, event, account):
            run.append(event)
        else:
            yield run
            run = [event]
    yield run


def served(path: Path, *, merged: bool) -> tuple[Sandbox, Worker[Sandbox]]:
    sandbox = Sandbox()
    known = sandbox.account
    worker = Worker(sandbox, Account(known.account_token, known.client_id, known.client_secret))
    for events in by_user(path):
        if merged:
            for run in runs(events, worker.account):
                worker.merged(run)
        else:
            worker.singly(events)
    return sandbox, worker


@pytest.mark.parametrize("path", LIBRARIES, ids=lambda path: path.stem)
def test_a_real_library_s_events_are_taken_and_merging_leaves_the_same_for_fewer_requests(path: Path) -> None:
    (apart, one_by_one), (joined, together) = served(path, merged=False), served(path, merged=True)
    assert [] == apart.refused + joined.refused
    assert apart.wootric.state() == joined.wootric.state()
    assert apart.checks == joined.checks
    assert len(apart.checks) > 100
    assert len(together.sent) < len(one_by_one.sent)


def test_the_four_libraries_are_all_there() -> None:
    assert 4 == len(LIBRARIES)
