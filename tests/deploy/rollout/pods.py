"""A StatefulSet's pods as processes of this machine: what its controller and the kubelet do to the worker.

Highest ordinal first, one at a time: SIGTERM, the grace period, the same name anew, ready, and ready for so long.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.error import URLError
from urllib.request import urlopen

from tests.whole.metrics import Metrics
from tests.whole.worker import Worker

ADMIN: Final = "SEGMENT_RELAY_WORKER__ADMIN_ADDRESS"
PATIENCE: Final = 60.0  # seconds in which a pod must be ready
TICK: Final = 0.02


@dataclass(frozen=True, slots=True)
class Template:
    """What each pod is made from. ``environment`` is told the pod's name; ``grace`` and ``min_ready`` are seconds."""

    settings: str = field(repr=False)
    environment: Callable[[str], Mapping[str, str]] = field(repr=False)
    name: str
    replicas: int
    grace: float
    min_ready: float


@dataclass(frozen=True, slots=True)
class Restart:
    """One pod's, in Unix seconds: SIGTERM, the process's end, and the new one's first good answer at ``/readyz``."""

    pod: str
    told: float
    ended: float
    ready: float
    code: int

    @property
    def stopping(self) -> float:
        return self.ended - self.told

    @property
    def starting(self) -> float:
        return self.ready - self.ended


class Pod:
    """One name, and the process that has it now."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self._folder = folder
        self._worker: Worker | None = None

    @property
    def worker(self) -> Worker:
        assert self._worker is not None, "it was not started"
        return self._worker

    @property
    def runs(self) -> bool:
        return self.worker.process.poll() is None

    def start(self, template: Template) -> None:
        # One machine has one port 9404, where each pod has its own.
        environment = {**template.environment(self.name), ADMIN: "127.0.0.1:0"}
        self._worker = Worker(self._folder, name=self.name, environment=environment)
        self._worker.config.write_text(template.settings, encoding="utf-8")
        self._worker.start()

    def stop(self, grace: float) -> int:
        """As the kubelet does; the exit code."""
        if self.runs:
            self.worker.terminate()
        deadline = time.time() + grace
        while self.runs and time.time() < deadline:
            time.sleep(TICK)
        self.worker.kill()
        return int(self.worker.process.returncode)

    def kill(self) -> None:
        if self._worker is not None:
            self._worker.kill()

    def until_ready(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while not self.answers("/readyz"):
            assert self.runs, f"{self.name} ended with {self.worker.process.returncode}:\n{self.worker.text()[-3000:]}"
            assert time.monotonic() < deadline, f"{self.name} was not ready:\n{self.worker.text()[-3000:]}"
            time.sleep(TICK)

    def answers(self, path: str) -> bool:
        """Whether a probe of it succeeds now."""
        address = self.worker.said("admin endpoint")
        if not address or not self.runs:
            return False
        with suppress(URLError, OSError), urlopen(f"http://{address[-1]['address']}{path}", timeout=1) as answer:
            return bool(answer.status == 200)
        return False

    def metrics(self) -> Metrics | None:
        with suppress(OSError):
            return self.worker.scrape()
        return None


class StatefulSet:
    """``with`` starts all pods at once (``podManagementPolicy: Parallel``); at the end none is left."""

    def __init__(self, folder: Path, template: Template) -> None:
        self.template = template
        self.pods = [Pod(folder, f"{template.name}-{number}") for number in range(template.replicas)]
        self._folder = folder

    def __enter__(self) -> Self:
        for pod in self.pods:
            pod.start(self.template)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pod in self.pods:
            pod.kill()

    def until_ready(self) -> None:
        for pod in self.pods:
            pod.until_ready()

    def roll(self, template: Template) -> Iterator[Restart]:
        """Make every pod anew, one after the other; told of each once its successor may be the next."""
        self.template = template
        for pod in reversed(self.pods):
            yield self.restart(pod)
            time.sleep(template.min_ready)  # the controller's own wait, not the test's

    def restart(self, pod: Pod) -> Restart:
        told = time.time()
        code = pod.stop(self.template.grace)
        ended = time.time()
        pod.start(self.template)
        pod.until_ready()
        return Restart(pod.name, told, ended, time.time(), code)

    def add(self, name: str = "") -> Pod:
        """One more; by the next ordinal."""
        pod = Pod(self._folder, name or f"{self.template.name}-{len(self.pods)}")
        self.pods.append(pod)
        pod.start(self.template)
        return pod
