"""`make image`: what it asks of an engine, and what it says where something is missing."""

from __future__ import annotations

import os
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.deploy.stand_in import Base, base, build_base

DIGEST = "sha256:" + 64 * "a"
DIGESTS = {"BASE_DIGEST": DIGEST, "BUILD_BASE_DIGEST": "sha256:" + 64 * "b"}


@pytest.fixture
def engines(tmp_path: Path) -> Path:
    """A folder of programs: only the engines in it are "here"."""
    for name in ("bash", "sed", "git", "make", "dirname"):
        found = next(Path(folder, name) for folder in os.get_exec_path() if Path(folder, name).exists())
        (tmp_path / name).symlink_to(found)
    return tmp_path


def engine(engines: Path, name: str) -> None:
    """An engine that says what it is asked."""
    (engines / name).write_text(f'#!/bin/sh\nprintf "%s\\n" {name} "$@"\n', "utf-8")
    (engines / name).chmod(0o755)


def made(engines: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    words = [f"{name}={value}" for name, value in variables.items()]
    environment = {"PATH": str(engines), "HOME": str(engines)}
    command = ("make", "--silent", "image", *words)
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment)


def options(done: subprocess.CompletedProcess[str]) -> list[str]:
    assert (0, "") == (done.returncode, done.stderr)
    return done.stdout.splitlines()


@pytest.mark.parametrize(("missing", "named"), [("BASE", base()), ("BUILD_BASE", build_base())])
def test_a_release_s_bases_are_named_by_their_digests(engines: Path, missing: str, named: Base) -> None:
    engine(engines, "docker")
    done = made(engines, **{name: digest for name, digest in DIGESTS.items() if name != f"{missing}_DIGEST"})
    assert (True, "") == (done.returncode != 0, done.stdout)
    assert f"{missing}_DIGEST is missing" in done.stderr
    assert f"docker buildx imagetools inspect {named.name} --format '{{{{.Manifest.Digest}}}}'" in done.stderr


def test_a_machine_without_an_engine_is_told_so(engines: Path) -> None:
    done = made(engines, **DIGESTS)
    assert done.returncode
    assert "make image needs docker, podman or buildah; none is here." in done.stderr


@pytest.mark.parametrize("name", ["docker", "podman", "buildah"])
def test_the_engine_that_is_here_builds_it(engines: Path, name: str) -> None:
    engine(engines, name)
    asked = options(made(engines, **DIGESTS))
    assert [
        name,
        "build",
        "--file",
        "deploy/docker/Dockerfile",
        "--tag",
        f"segment-relay:{version('segment-relay')}",
    ] == asked[:6]
    assert "." == asked[-1]
    assert {f"{name}={digest}" for name, digest in DIGESTS.items()} <= set(asked)
    assert f"VERSION={version('segment-relay')}" in asked
    assert any(re.fullmatch(r"REVISION=[0-9a-f]{40}(-dirty)?", word) for word in asked)


def test_its_files_are_dated_by_the_commit_whatever_the_engine(engines: Path) -> None:
    engine(engines, "podman")
    asked = options(made(engines, **DIGESTS))
    assert re.fullmatch(r"\d{10}", asked[asked.index("--timestamp") + 1])


def test_its_name_and_a_mirror_are_the_user_s(engines: Path) -> None:
    engine(engines, "docker")
    engine(engines, "podman")
    given = {"IMAGE": "registry.example/relay:1", "PIP_CONF": "/etc/mirror.conf", "ENGINE": "podman"}
    asked = options(made(engines, BASE_DIGEST="none", **given))
    assert "podman" == asked[0]
    assert "registry.example/relay:1" == asked[asked.index("--tag") + 1]
    assert "id=pip.conf,src=/etc/mirror.conf" == asked[asked.index("--secret") + 1]
    assert {"BASE_DIGEST=", "BUILD_BASE_DIGEST="} <= set(asked), "what the tags name today"
