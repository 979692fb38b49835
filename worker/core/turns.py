"""Whose turn it is, and what is sent next."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, assert_never

from mappings.contract import Destination, Request, Response
from worker.core.conversation import Conversation, Ended
from worker.core.effects import Effect, ReadSecrets, Send
from worker.core.endings import Endings
from worker.core.holds.gate import Gate
from worker.core.holds.states import Signal, State
from worker.core.items import Assignment, User
from worker.core.login import LoggedIn, Login, LoginFailed, Step
from worker.core.lookup_cache import LookupCache
from worker.core.merging import together
from worker.core.probes import Probes
from worker.core.queues import Queues
from worker.core.retry import LONG_SLEEP
from worker.core.tally import Tally
from worker.core.troubles import Troubles


@dataclass(slots=True)
class Turns:
    """The flows of one lane that may go on, and the users who may begin one."""

    destination: Destination[Any]
    settings: Any
    queues: Queues
    endings: Endings
    troubles: Troubles
    gate: Gate
    login: Login
    cache: LookupCache
    probes: Probes
    tally: Tally
    unfold: Callable[[User], None]  # gets a user's next events ready (worker.core.intake)
    open: int = 0  # requests under way
    filled: int = 0  # those when it was last asked for one more: answers may be heard several at a time
    due: deque[Conversation] = field(default_factory=deque)  # flows whose next request waits to be sent
    awaiting: deque[Conversation] = field(default_factory=deque)  # flows that wait for a login
    login_request: Request | None = None  # the login's next one

    def take(self, now: float) -> Effect | None:
        """The next request, or the wish to read the secrets first; ``None``: nothing may be sent now."""
        if self.login_request is not None:
            return self._send_login(now)
        if self.gate.held:
            return self._probe(now)
        if self.login.wanted and (self.awaiting or self.login.credentials is not None) and self.login.due(now):
            self._log_in(now)
            return self.take(now)
        while self.open + len(self.awaiting) < self.gate.room(now):
            flow = self._next(now)
            if flow is None:
                return None
            send = self._advance(flow, now)
            if send is not None:
                return send
            if self.gate.held or (self.awaiting and self.login.due(now)):
                return self.take(now)
        return None

    def _next(self, now: float) -> Conversation | None:
        if self.due:
            return self._resumed(self.due.popleft(), now)
        user = self.queues.take(self.gate.concurrency.limit)
        return None if user is None else self._flow_of(user, now)

    def _probe(self, now: float) -> Effect | None:
        """While the lane holds: one request at a time, and only when it is due."""
        flow = self.probes.flow
        if flow is not None and flow in self.due:
            self.due.remove(flow)
            send = self._advance(self._resumed(flow, now), now)
            if send is not None:
                return send
        self.probes.question(self.troubles.lone, now)
        while self.gate.probe_due(now):
            logs_in = self.gate.state is State.LOGIN or bool(self.awaiting and self.login.needed(now))
            if self.probes.wants_secrets(logs_in=logs_in):
                return ReadSecrets()
            if logs_in:
                return self._login_probe(now)
            flow = self._candidate(now)
            if flow is None:
                return None
            self.probes.begin(flow)
            send = self._advance(flow, now)
            if send is not None:
                return send
        return self.take(now) if not self.gate.held else None

    def _candidate(self, now: float) -> Conversation | None:
        best = self.probes.choose(self.due)
        if isinstance(best, Conversation):
            self.due.remove(best)
            return self._resumed(best, now)
        return None if best is None else self._flow_of(best, now)

    def _login_probe(self, now: float) -> Effect | None:
        if not self.login.wanted:  # any more: the settings have changed
            self.login_step(LoggedIn(), now)
            return self.take(now)
        if not self.login.due(now):
            self.gate.probe_at = self.login.next_try
            return None
        self.gate.probing()
        self._log_in(now)
        return self.take(now)

    def _log_in(self, now: float) -> None:
        self.login_step(self.login.begin(now), now)

    def _send_login(self, now: float) -> Send:
        request, self.login_request = self.login_request, None
        assert request is not None  # noqa: S101
        self.open += 1
        return Send(request, now, None)

    def _flow_of(self, user: User, now: float) -> Conversation:
        """The flow of a user that was taken: the one that slept, or a new one."""
        if user.conversation is None:
            if user.behind:
                self.unfold(user)
            user.conversation = Conversation(
                together(user, self.destination, self.settings, self.endings.notes), self.destination, self.settings
            )
        return self._resumed(user.conversation, now)

    def _resumed(self, flow: Conversation, now: float) -> Conversation:
        """A flow that slept long begins again: what it had read is old. So does one with other settings."""
        if flow.slept_since is not None and now - flow.slept_since > LONG_SLEEP:
            self.cache.forget(flow.looked_up)
            self.endings.begin_again(flow)
        if flow.settings is not self.settings:
            flow.settings = self.settings
            self.endings.begin_again(flow)
        flow.slept_since = None
        return flow

    def park(self, flow: Conversation, now: float) -> None:
        """Its next request goes out as soon as there is room."""
        flow.slept_since = now
        self.due.append(flow)

    def _advance(self, flow: Conversation, now: float) -> Send | None:
        """Up to the flow's next request that has to be sent; ``None`` when it ended or waits for a login."""
        step: Request | Ended = flow.request if flow.request is not None else flow.begin()
        while isinstance(step, Request):
            cached = self._remembered(flow, step, now)
            if cached is None:
                return self._send(flow, step, now)
            step = flow.answer(cached)
        self.endings.end(flow, step, now)
        return None

    def _remembered(self, flow: Conversation, request: Request, now: float) -> Response | None:
        if request.cached_as is None:
            return None
        flow.looked_up.append(request.cached_as)
        return self.cache.get(request.cached_as, now, request.max_age)

    def _send(self, flow: Conversation, request: Request, now: float) -> Send | None:
        credentials = None
        if request.login and self.login.wanted:
            if self.login.needed(now):
                flow.slept_since = now
                self.awaiting.append(flow)
                if self.gate.held:
                    self.gate.probe_at = now  # the login is the probe's first step
                elif self.login.next_try > now:  # one that was to renew the token has failed: now it is missed
                    wait = self.login.next_try - now
                    self.gate.signal(
                        Signal.LOGIN_FAILED, now, "the last login failed, and its token is over", wait=wait
                    )
                return None
            credentials = self.login.credentials
        reading = None
        if request.invalidates:
            reading = self.cache.write(request.invalidates)
        elif request.cached_as is not None:
            reading = self.cache.look_up(request.cached_as)
        if flow.sent_first is None:
            flow.sent_first = now
        self.open += 1
        self.queues.budget.requests += 1
        flow.user.assignment.open += 1
        self.queues.slow.sent(flow)
        return Send(request, now, flow, credentials, reading)

    def withheld(self, send: Send, now: float) -> None:
        """It was not written, and is to be sent as soon as the lane may send again."""
        if send.conversation is None:
            self.login_request = send.request
        else:
            self.park(send.conversation, now)

    def login_step(self, step: Step, now: float) -> None:
        match step:
            case Request():
                self.login_request = step
            case LoggedIn():
                self._logged_in(now)
            case LoginFailed(wait, why):
                if self.login.needed(now) and not self.gate.signal(Signal.LOGIN_FAILED, now, why, wait=wait):
                    self.probes.failed(now, wait)
            case _:  # pragma: no cover
                assert_never(step)

    def _logged_in(self, now: float) -> None:
        if self.login.credentials is not None:
            self.endings.settling.logged_in(self.login.credentials)
        self.due.extend(self.awaiting)
        self.awaiting.clear()
        if self.gate.signal(Signal.LOGGED_IN, now):
            self.troubles.opened()
        elif self.gate.held and self.probes.flow is None:
            self.gate.probe_at = now

    # --- partitions, settings, time

    def unpark(self, assignment: Assignment) -> list[Conversation]:
        """A partition's flows that wait for their next request, or for a login; they do so no longer."""
        parked = [flow for flow in (*self.due, *self.awaiting) if flow.user.assignment is assignment]
        self.due = deque(flow for flow in self.due if flow not in parked)
        self.awaiting = deque(flow for flow in self.awaiting if flow not in parked)
        return parked

    def use(self, settings: object) -> None:
        """The settings as they are now; every flow that has not ended begins again with them."""
        if settings != self.settings:
            self.settings = settings
            self.login.settings(settings)

    def wake_at(self, now: float) -> float | None:
        """When something may be sent that may not be sent now."""
        times = [self.gate.probe_at, self.gate.quota_until]
        if self.awaiting:
            times.append(self.login.next_try)
        return min((time for time in times if time is not None and time > now), default=None)
