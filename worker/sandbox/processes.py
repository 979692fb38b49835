"""What the broker launchers share: a free port, a process with its log, and when a broker is ready."""

from __future__ import annotations

import socket
import struct
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

LOCAL = "127.0.0.1"


class BrokerUnavailable(Exception):  # noqa: N818  (it tells of the machine, not of a fault in the program)
    """A broker cannot be started here. Its text is a sentence for people: what is missing, and what to do."""


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind((LOCAL, 0))
        return int(probe.getsockname()[1])


def answers(port: int, timeout: float = 1.0) -> bool:
    """Whether a broker on 127.0.0.1 answers ApiVersions: a port that accepts connections is not a broker yet."""
    client = b"wait"
    body = struct.pack(f">hhih{len(client)}s", 18, 0, 1, len(client), client)
    try:
        with socket.create_connection((LOCAL, port), timeout) as connection:
            connection.settimeout(timeout)
            connection.sendall(struct.pack(">i", len(body)) + body)
            return bool(connection.recv(1))
    except OSError:
        return False


class Server:
    """One broker process that can be killed and started again. Its output goes to ``log``."""

    def __init__(self, command: Sequence[str], port: int, log: Path) -> None:
        self.port = port
        self._command = command
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin the process; :meth:`wait_until_ready` says when it serves."""
        if self._process is not None:
            return
        with self._log.open("ab") as log:
            # A session of its own: Ctrl-C on a terminal is the worker's to handle, and it still needs its broker then.
            self._process = subprocess.Popen(  # noqa: S603  (the launchers' own command lines)
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._log.parent,
                start_new_session=True,
            )

    def wait_until_ready(self, timeout: float) -> None:
        """Return when the broker answers. Raises BrokerUnavailable when it ends first, or after ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        while not answers(self.port):
            if self._process is None or self._process.poll() is not None:
                raise BrokerUnavailable(f"the broker ended while it started; its last words:\n{self._last_words()}")
            if time.monotonic() > deadline:
                raise BrokerUnavailable(f"the broker did not answer within {timeout:.0f} s; see {self._log}")
            time.sleep(0.03)

    def ask_to_stop(self) -> None:
        """SIGTERM, without waiting."""
        if self._process is not None:
            self._process.terminate()

    def stop(self, grace: float = 5.0) -> None:
        """SIGTERM, and SIGKILL after ``grace`` seconds."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(grace)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """SIGKILL: what a lost machine looks like."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _last_words(self) -> str:
        return self._log.read_text(errors="replace")[-2000:]
