"""``segment-relay check``, a destination's half: is it there, and does it take the credentials? No event is sent."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from typing import Any, Protocol, assert_never

from mappings.contract import Delivered, Flow, Outcome, Rejected, Request, Response, Skipped, Unmappable
from worker.commands.findings import Finding, right, unseen, wrong
from worker.config import DestinationSettings
from worker.core.answers import EventRefused, Failed, OverLimit, SetupRefused, ToFlow, TokenRefused, Verdict, verdict
from worker.core.discretion import masked
from worker.core.faults import Fault
from worker.core.login import LoggedIn, Login, LoginFailed, Step
from worker.ways_out import way_out

CONNECTIONS = 2
AT_FIRST_EVENT = "whether the credentials are right is seen at the first event"


class Sender(Protocol):
    """The part of the transport that is needed here."""

    async def send(self, request: Request, headers: Mapping[str, str]) -> Response | Fault: ...


async def findings(settings: DestinationSettings) -> list[Finding]:
    """What is found of one destination."""
    async with way_out(settings, CONNECTIONS) as transport:
        found = await hosts(settings, transport)
        if not all(finding.mark is finding.mark.RIGHT for finding in found):
            return found
        return [*found, await credentials(settings, transport)]


async def hosts(settings: DestinationSettings, sender: Sender) -> list[Finding]:
    """Each host, asked for nothing: whatever HTTP answer comes, somebody is there."""
    found: list[Finding] = []
    for host in sorted(settings.destination.hosts(settings.mapping_settings)):
        answer = await sender.send(Request("GET", f"{host}/", operation="check", login=False), {})
        match answer:
            case Response():
                found.append(right(f"{settings.name}: {host} answers"))
            case Fault(kind, _, detail):
                why = f"{kind.value}, {detail}" if detail else kind.value
                found.append(wrong(f"{settings.name}: {host} is not reached ({why})"))
            case _:
                assert_never(answer)
    return found


async def credentials(settings: DestinationSettings, sender: Sender) -> Finding:
    """The mapping's login, then its flow without effect, where it has them."""
    login = Login(settings.destination, settings.mapping_settings, random.random)
    step: Step = login.begin(time.time()) if login.wanted else LoggedIn()
    while isinstance(step, Request):
        step = login.answer(await sender.send(step, {}), time.time())
    if isinstance(step, LoginFailed):
        return wrong(f"{settings.name}: {step.why}")
    headers = login.credentials.headers if login.credentials else {}
    if settings.destination.check is None:
        return unseen(f"{settings.name}: {AT_FIRST_EVENT}")
    return await tried(settings, settings.destination.check(settings.mapping_settings), sender, headers)


async def tried(settings: DestinationSettings, flow: Flow, sender: Sender, headers: Mapping[str, str]) -> Finding:
    """The mapping's flow without effect, to its end."""
    last: Response | None = None
    try:
        request = next(flow)
        while True:
            answer = await sender.send(request, headers if request.login else {})
            meant = verdict(request, answer, settings.destination, time.time())
            if not isinstance(meant, ToFlow) or not isinstance(answer, Response):
                return _refused(settings.name, meant)
            last = answer
            request = flow.send(answer)
    except StopIteration as end:
        return _ended(settings, end.value, last)
    except Unmappable as error:
        return _ended(settings, Rejected(error.reason, error.detail), last)


def _ended(settings: DestinationSettings, outcome: Outcome | None, last: Response | None) -> Finding:
    reasons: Mapping[str, Any] = settings.destination.reasons
    match outcome:
        case Delivered():
            return right(f"{settings.name}: the credentials are taken")
        case None if last is not None and last.ok:
            return right(f"{settings.name}: the credentials are taken")
        case None if last is not None:
            return wrong(f"{settings.name}: the credentials are not taken (HTTP {last.status})")
        case Skipped(reason):
            return unseen(f"{settings.name}: {reasons.get(reason, AT_FIRST_EVENT)}")
        case Rejected(reason, detail):
            said = " ".join([reasons.get(reason, reason), masked(detail, None)]).strip()
            return wrong(f"{settings.name}: the credentials are not taken ({said})")
        case _:
            return unseen(f"{settings.name}: {AT_FIRST_EVENT}")


def _refused(name: str, meant: Verdict) -> Finding:
    match meant:
        case OverLimit():
            return unseen(f"{name}: it is over its limit just now, so {AT_FIRST_EVENT}")
        case Failed(reason):
            return wrong(f"{name}: the check failed ({reason}); it may be down")
        case SetupRefused(reason):
            return wrong(f"{name}: the credentials are not taken ({reason})")
        case TokenRefused():
            return wrong(f"{name}: the login's token is not taken")
        case EventRefused(reason):
            return wrong(f"{name}: the check was refused ({reason})")
        case ToFlow():
            return unseen(f"{name}: {AT_FIRST_EVENT}")
        case _:
            assert_never(meant)
