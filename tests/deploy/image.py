"""The image, built from the Dockerfile by buildah in a store of its own, and looked into."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.deploy import tools
from tests.deploy.stand_in import DOCKERFILE, base, build_base

NAME = "localhost/segment-relay"
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")  # where Debian has them
LABELS = {
    "VERSION": version("segment-relay"),
    "REVISION": "0123abcd",
    "SOURCE": "https://git.example/segment-relay",
}
PATIENCE = 600.0  # seconds for one command: the build compiles, two minutes of one core


class NotBuilt(Exception):  # noqa: N818  (a sentence about a command of buildah)
    """buildah failed. The text is its last words."""


@dataclass(frozen=True)
class Store:
    """A place for images and containers that nothing else uses."""

    folder: Path

    def __call__(self, *arguments: str | Path) -> str:
        """What a command of buildah says. Raises NotBuilt."""
        place = ("--root", self.folder / "root", "--runroot", self.folder / "run", "--storage-driver", "overlay")
        command = (tools.buildah(), *place, *arguments)
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
        if done.returncode:
            raise NotBuilt(f"buildah {arguments[0]}: {(done.stdout + done.stderr)[-3000:]}")
        return done.stdout.strip()

    def digest(self, image: str) -> str:
        return self("inspect", "--type", "image", "--format", "{{.FromImageDigest}}", image)

    def load(self, tar: Path, name: str) -> None:
        """An image that holds the files of ``tar``, and nothing else."""
        container = self("from", "scratch")
        self("add", container, tar, "/")
        self("commit", "--rm", container, name)

    def build(self, name: str, arguments: Mapping[str, str], *, root: Path = Path()) -> None:
        """Build the Dockerfile with these arguments; what is packaged is below ``root``."""
        values = [f"--build-arg={key}={value}" for key, value in arguments.items()]
        outside = ("--network", "host", *_trust(self.folder))
        # Without layers, so without a cache: what is looked into is what the Dockerfile says today.
        alone = ("--isolation", "chroot", "--pull=never", "--layers=false")
        self("bud", *alone, *outside, *values, "--tag", name, "--file", DOCKERFILE, root.absolute())

    def end(self) -> None:
        """Let nothing stay mounted."""
        self("umount", "--all")
        self("rm", "--all")
        self("rmi", "--all", "--force")


@dataclass(frozen=True)
class Image:
    """A built image. ``root`` is its file system, mounted."""

    root: Path
    described: Mapping[str, Any] = field(repr=False)

    @property
    def config(self) -> Mapping[str, Any]:
        """As the OCI's image specification has it: User, Env, Entrypoint, …"""
        config: Mapping[str, Any] = self.described["Docker"]["config"]
        return config

    @property
    def environment(self) -> dict[str, str]:
        return dict(entry.split("=", 1) for entry in self.config["Env"])

    @property
    def history(self) -> Sequence[str]:
        """The command behind each layer."""
        return [entry.get("created_by", "") for entry in self.described["OCIv1"]["history"]]

    @cached_property
    def library(self) -> Path:
        """Where Python packages are."""
        (found,) = (self.root / "opt/venv/lib").glob("python3.*/site-packages")
        return found


@contextmanager
def a_store(folder: Path) -> Iterator[Store]:
    """A store with the stand-ins for the bases in it, under the bases' own names."""
    store = Store(folder)
    try:
        for on in (base(), build_base()):
            store.load(on.tar(), on.name)
        yield store
    finally:
        store.end()


def built(store: Store) -> Image:
    """The image, with its bases pinned by digest and labelled as a release is."""
    digests = {"BASE_DIGEST": store.digest(base().name), "BUILD_BASE_DIGEST": store.digest(build_base().name)}
    store.build(NAME, {**digests, **LABELS})
    described = json.loads(store("inspect", "--type", "image", NAME))
    return Image(Path(store("mount", store("from", "--pull-never", NAME))), described)


def _trust(folder: Path) -> Iterator[str]:
    """What pip needs of this machine (a mirror, an authority), as nothing that stays: a secret and a mount."""
    settings = folder / "pip.conf"
    settings.write_text(f"[global]\ncert = {AUTHORITIES}\n" + "".join(_index()), encoding="utf-8")
    yield f"--secret=id=pip.conf,src={settings}"
    authorities = ssl.get_default_verify_paths().cafile or AUTHORITIES
    yield f"--volume={Path(authorities).resolve()}:{AUTHORITIES}:ro"


def _index() -> Iterator[str]:
    """Where this machine's pip finds packages, from all that pip itself reads; mostly nothing."""
    listed = subprocess.run(
        (sys.executable, "-m", "pip", "config", "list"), capture_output=True, text=True, check=True, timeout=60
    ).stdout
    for line in listed.splitlines():
        key, _, value = line.partition("=")
        name = key.rpartition(".")[2]
        if name in {"index-url", "extra-index-url", "trusted-host", "proxy"}:
            yield f"{name} = {value.strip(chr(39))}\n"
