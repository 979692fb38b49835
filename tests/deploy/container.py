"""A container without an engine: the image's file system in namespaces of its own, as a restricted pod has it.

Process 1, uid 10001, no capability at all, and no place that can be written to, not even /tmp. Only the network is this
machine's: the brokers and the vendors' stand-ins are on its loopback.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from tests.deploy import tools
from tests.deploy.image import Image
from tests.whole.worker import Tables, Worker

UID = "10001"
SETTINGS = "/run/segment-relay.toml"
# The runtime's part, done by a program that the base has: what a container engine does before it starts the command.
WITHOUT_RIGHTS = (
    *("/usr/bin/setpriv", "--reuid", UID, "--regid", UID, "--clear-groups"),
    *("--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"),
)


def command(
    image: Image, words: Sequence[str], environment: Mapping[str, str], files: Mapping[str, Path]
) -> Sequence[str]:
    """How a command is run in the image. ``files`` are mounted by their names below /run."""
    variables = {**image.environment, **environment}
    return (
        *(str(tools.bwrap()), "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--as-pid-1", "--die-with-parent"),
        *("--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_SETPCAP"),
        *("--ro-bind", str(image.root), "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/run"),
        *(word for inside, outside in files.items() for word in ("--ro-bind", str(outside), inside)),
        *("--remount-ro", "/run", "--remount-ro", "/dev", "--chdir", "/", "--clearenv"),
        *(word for name, value in variables.items() for word in ("--setenv", name, value)),
        *WITHOUT_RIGHTS,
        *words,
    )


def said(
    image: Image,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    files: Mapping[str, Path] | None = None,
    entry: Sequence[str] = (),
) -> subprocess.CompletedProcess[str]:
    """What a command of the image says, to its end; of its entry point, or of another program in it."""
    asked = (*(entry or image.config["Entrypoint"]), *(arguments or image.config["Cmd"]))
    words = command(image, asked, environment or {}, files or {})
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL)


class Container(Worker):
    """The worker in its container: the image's own command, with a settings file. Signals go to process 1."""

    def __init__(self, image: Image, folder: Path, *tables: Tables, admin: str = "0.0.0.0:0") -> None:
        # admin_address: the image's own variable wins over the file's.
        environment = {"SEGMENT_RELAY_CONFIG": SETTINGS, "SEGMENT_RELAY_WORKER__ADMIN_ADDRESS": admin}
        super().__init__(folder, *tables, name="container", environment=environment)
        self._image = image
        self._of_container = environment
        self._first = 0
        self.began = 0.0

    def start(self) -> Self:
        worker = (*self._image.config["Entrypoint"], *self._image.config["Cmd"])
        words = command(self._image, worker, self._of_container, {SETTINGS: self.config})
        told, tell = os.pipe()
        with self.log.open("ab") as log, os.fdopen(told, encoding="utf-8") as information:
            self.began = time.monotonic()
            self._process = subprocess.Popen(
                (words[0], "--info-fd", str(tell), *words[1:]),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(tell,),
                start_new_session=True,
            )
            os.close(tell)
            self._first = json.load(information)["child-pid"]
        return self

    @property
    def first(self) -> int:
        """Process 1, by the number that it has outside."""
        return self._first

    def terminate(self) -> None:
        os.kill(self._first, signal.SIGTERM)
