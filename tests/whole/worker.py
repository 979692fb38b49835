"""The worker as its user runs it: a process of its own, a settings file, a log, signals, an exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self
from urllib.error import URLError
from urllib.request import urlopen

import orjson

from tests.whole.metrics import Metrics, parse

Tables = Mapping[str, Mapping[str, object]]
PATIENCE = 45.0  # seconds: far beyond what anything here takes on a busy machine


def wigzo(url: str, name: str = "wigzo", *, settings: Mapping[str, object] | None = None, **options: object) -> Tables:
    """The tables of a Wigzo destination at the sandbox."""
    own = {"base_url": url, "org_token": "sandbox-org-token", **(settings or {})}
    return _destination(name, {"mapping": "wigzo", **options}, {key: own[key] for key in own if own[key] is not None})


def wootric(url: str, name: str = "wootric", *, credentials: bool = True, **options: object) -> Tables:
    """The tables of a Wootric destination at the sandbox; further keywords are the destination's options."""
    secrets = {"client_id": "sandbox-client-id", "client_secret": "sandbox-client-secret"} if credentials else {}
    own = {"api_url": url, "eligibility_url": url, "account_token": "NPS-5a4db0c1", **secrets}
    settings = options.pop("settings", {})
    assert isinstance(settings, Mapping)
    return _destination(name, {"mapping": "wootric", **options}, {**own, **settings})


def _destination(name: str, options: Mapping[str, object], settings: Mapping[str, object]) -> Tables:
    # request_timeout: a third of the session at most.
    usual = {"start_at": "earliest", "request_timeout": 2, "connect_timeout": 1}
    given = {key: value for key, value in {**usual, **options}.items() if value is not None}
    return {f"destinations.{name}": given, f"destinations.{name}.settings": settings}


def kafka(bootstrap: tuple[str, ...] | list[str], topic: str, group: str, **options: object) -> Tables:
    usual = {"session_timeout": 6, "heartbeat_interval": 0.5, "bootstrap_servers": list(bootstrap)}
    return {"kafka": {**usual, "topics": [topic], "group": group, **options}}


def toml(*tables: Tables) -> str:
    """A settings file. The values that occur here are written the same in TOML and JSON."""
    merged = {name: values for some in tables for name, values in some.items()}
    return "".join(
        f"[{name}]\n" + "".join(f"{key} = {orjson.dumps(value).decode()}\n" for key, value in values.items())
        for name, values in merged.items()
    )


class Worker:
    """One worker process. ``with`` starts it; at the end it is gone, however the test ended."""

    def __init__(
        self,
        folder: Path,
        *tables: Tables,
        name: str = "worker",
        options: Mapping[str, object] | None = None,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        module: str = "worker.cli",
    ):
        self.config = folder / f"{name}.toml"
        self.log = folder / f"{name}.log"
        own = {"admin_address": "127.0.0.1:0", "log_format": "json", "drain_timeout": 20, **(options or {})}
        self.config.write_text(toml(*tables, {"worker": own}), encoding="utf-8")
        own_environment = {name: value for name, value in os.environ.items() if not name.startswith("SEGMENT_RELAY_")}
        self._environment = {**own_environment, **(environment or {})}
        self._arguments = arguments
        self._module = module
        self._process: subprocess.Popen[bytes] | None = None
        self._begun = 0

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()

    # --- Life

    def start(self) -> Self:
        """Begin the process; again after its end, too."""
        self._begun = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                (sys.executable, "-m", self._module, "run", "--config", str(self.config), *self._arguments),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                start_new_session=True,
            )
        return self

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "it was not started"
        return self._process

    def terminate(self) -> None:
        """SIGTERM, without waiting."""
        self.process.send_signal(signal.SIGTERM)

    def ended(self, seconds: float = PATIENCE) -> int:
        """The exit code, once it has ended by itself or by a signal."""
        return self.process.wait(seconds)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.terminate()
        return self.ended()

    def kill(self) -> None:
        """SIGKILL, to all that it may have started."""
        if self._process is None or self._process.poll() is not None:
            return
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    # --- What it says

    def text(self) -> str:
        """The log of all its lives."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def lines(self) -> list[dict[str, Any]]:
        """The log of this life, line by line."""
        said = self.log.read_bytes()[self._begun :].splitlines(keepends=True)
        return [orjson.loads(line) for line in said if line.startswith(b"{") and line.endswith(b"\n")]

    def said(self, message: str) -> list[dict[str, Any]]:
        return [line for line in self.lines() if line["message"] == message]

    def until(self, reached: Callable[[], Any], what: str = "", seconds: float = PATIENCE) -> Any:
        """The first true value. Fails with the log's end when the process ends before, or the deadline passes."""
        deadline = time.monotonic() + seconds
        while not (value := reached()):
            code = self.process.poll()
            assert code is None, f"the worker ended with {code}:\n{self.text()[-3000:]}"
            assert time.monotonic() < deadline, f"not within {seconds} s: {what}\n{self.text()[-3000:]}"
            time.sleep(0.05)
        return value

    def until_metrics(self, reached: Callable[[Metrics], object], what: str = "", seconds: float = PATIENCE) -> Metrics:
        """The first scrape of which it is true."""
        found: Metrics = self.until(lambda: self._scrape_where(reached), what, seconds)
        return found

    def _scrape_where(self, reached: Callable[[Metrics], object]) -> Metrics | None:
        metrics = self.scrape()
        return metrics if metrics is not None and reached(metrics) else None

    def scrape(self) -> Metrics | None:
        """Its metrics now; ``None`` before it serves them."""
        address = self.said("admin endpoint")
        if not address:
            return None
        try:
            with urlopen(f"http://{address[-1]['address']}/metrics", timeout=10) as answer:
                return parse(answer.read().decode())
        except URLError:
            return None

    def until_settled(self, events: int, *destinations: str, seconds: float = PATIENCE) -> Metrics:
        """The scrape in which so many events are settled at each destination, and none waits."""

        def done(metrics: Metrics) -> bool:
            return all(metrics.settled(name) >= events and not metrics.pending(name) for name in destinations)

        return self.until_metrics(done, f"{events} events settled", seconds)
