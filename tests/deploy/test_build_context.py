"""What a build sends to the engine: what the Dockerfile needs, and no secret that lies about."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy.image import Store

pytestmark = pytest.mark.needs("buildah", "mmdebstrap", "root")

NEEDED = (
    "constraints.txt",
    "constraints-build.txt",
    "setup.py",
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "mappings",
    "worker",
)
# What people have in their checkouts.
LEFT_LYING = (
    ".env",
    "segment-relay.toml",
    "secrets/wigzo-org-token",
    ".git/config",
    ".venv/bin/python",
    "tests/test_it.py",
    "deploy/values-production.yaml",
    "worker/__pycache__/app.cpython-313.pyc",
    "worker/core/__pycache__/lane.cpython-311.pyc",
    "mappings/wigzo/.env",
    "mappings/wigzo/key.pem",
)


def ours() -> set[str]:
    """The files of the project that the Dockerfile copies."""
    told = subprocess.run(("git", "ls-files", *NEEDED), capture_output=True, text=True, check=True, timeout=60)
    return set(told.stdout.split())


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The project as somebody has it, with more in it than the project."""
    for name in (*ours(), ".dockerignore"):
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(name, target)
    for name in LEFT_LYING:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("not for others", encoding="utf-8")
    return tmp_path


def test_a_build_is_sent_what_it_needs_and_nothing_else(checkout: Path, store: Store) -> None:
    container = store("from", "scratch")
    store("copy", "--ignorefile", checkout / ".dockerignore", "--contextdir", checkout, container, checkout, "/")
    sent = Path(store("mount", container))
    assert ours() == {str(path.relative_to(sent)) for path in sent.rglob("*") if path.is_file()}
