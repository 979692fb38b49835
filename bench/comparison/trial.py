"""One run of one peer: a fresh sink, a fresh group, the peer until it is done, is cut, stalls or ends by itself."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench.books import Account
from bench.comparison.judging import Ending, Result, Sample, Seen, judged
from bench.comparison.peers import Errand, Peer
from bench.comparison.scenarios import TOPICS, Scenario
from bench.process import Others, Watch
from bench.run import a_sink, books, gaps

LOOK = 0.1
START = 60.0  # seconds until the first request
STALL = 9.0  # seconds without a request; longer than a session lives after a kill
KILLED_AT = 0.53  # of the events: half, but not where a batch of some round number has just ended
LINGER = 1.5  # seconds in which something may still come twice


@dataclass(frozen=True, slots=True)
class Trial:
    """Who, under what, and in which round."""

    peer: Peer
    scenario: Scenario
    round: int

    @property
    def topic(self) -> str:
        return self.scenario.topic_of(self.peer.fast)


@dataclass(slots=True)
class Run:
    """A trial while it goes on."""

    trial: Trial
    url: str
    process: subprocess.Popen[bytes]
    samples: list[Sample] = field(default_factory=list)
    others: Others = field(default_factory=Others)
    taken: float | None = None  # by others, until it was killed
    at_kill: Account | None = None
    silence: float | None = None

    def look(self) -> Account:
        """The sink's account as it is now; remembered."""
        account = books(self.url)
        self.samples.append(Sample(time.time(), account.arrived, account.healthy, account.requests))
        return account

    def wait_until(self, done: Callable[[Account], bool], seconds: float) -> bool:
        """Whether it came about before the peer ended or the time was over."""
        deadline = time.monotonic() + seconds
        while not done(self.look()):
            if self.process.poll() is not None or time.monotonic() > deadline:
                return False
            time.sleep(LOOK)
        return True


def attempt(trial: Trial, bootstrap: str, folder: Path) -> Result:
    """Run it. A peer that does nothing has a result, too: ``ended`` says so."""
    workload = TOPICS[trial.topic]
    with a_sink(workload, trial.scenario.latency, trouble=trial.scenario.trouble) as url:
        errand = Errand(bootstrap, trial.topic, f"{trial.peer.name}-{uuid.uuid4().hex[:8]}", url, folder)
        began = time.time()
        with _started(trial.peer, errand) as process:
            run = Run(trial, url, process)
            with Watch(process.pid) as watch:
                if not run.wait_until(lambda account: account.first > 0, START):
                    return Result(trial.peer.name, trial.scenario.name, trial.round, Ending.SILENT)
                run.others = Others()
                ending = _followed(run, errand)
            taken = run.others.share() if run.taken is None else run.taken
            seen = Seen(books(url), gaps(url), run.samples, watch, began, taken, run.at_kill, run.silence)
            return judged(trial.peer.name, trial.scenario, trial.round, ending, workload.events, seen)


def _followed(run: Run, errand: Errand) -> Ending:
    if not run.trial.scenario.kill:
        return _to_the_end(run)
    enough = int(TOPICS[run.trial.topic].events * KILLED_AT)
    if not run.wait_until(lambda account: account.arrived >= enough, run.trial.scenario.limit):
        return Ending.CUT
    run.taken = run.others.share()
    _kill(run.process)
    time.sleep(5 * LOOK)  # what was under way comes in, or is lost
    run.at_kill = before = run.look()
    killed = time.time()
    with _started(run.trial.peer, errand) as again:
        run.process = again
        if not run.wait_until(lambda account: account.requests > before.requests, START):
            return Ending.SILENT
        run.silence = time.time() - killed
        return _to_the_end(run)


def _to_the_end(run: Run) -> Ending:
    account = run.look()
    limit = account.first + run.trial.scenario.limit if run.at_kill is None else time.time() + run.trial.scenario.limit
    requests, moved = account.requests, time.time()
    while time.time() < limit:
        time.sleep(LOOK)
        account = run.look()
        if account.requests != requests:
            requests, moved = account.requests, time.time()
        if account.arrived == TOPICS[run.trial.topic].events:
            time.sleep(LINGER)
            return Ending.COMPLETE
        if run.process.poll() is not None:
            return Ending.EXITED
        # Where users are slow or refused, a standstill is the result.
        if not run.trial.scenario.trouble.seconds and time.time() > moved + STALL:
            return Ending.STALLED
    return Ending.CUT


@contextmanager
def _started(peer: Peer, errand: Errand) -> Iterator[subprocess.Popen[bytes]]:
    with (errand.folder / f"{peer.name}.log").open("ab") as log:
        process = subprocess.Popen(
            peer.command(errand),
            env=peer.told(errand),
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=errand.folder,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """And whatever it has started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
