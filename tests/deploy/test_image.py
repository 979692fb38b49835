"""What is in the image, and what is not."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.deploy import tools
from tests.deploy.image import LABELS, NAME, Image, NotBuilt, Store
from tests.deploy.stand_in import DOCKERFILE, base, build_base

pytestmark = pytest.mark.needs("buildah", "mmdebstrap", "root")

UNCHECKED = b"\x01\x00\x00\x00"  # PEP 552: a hash of the source, which is not looked at
PACKAGES = {"pip", "setuptools", "ensurepip", "wheel", "pytest", "mypy", "mypyc"}
PROGRAMS = {"pip", "pip3", "gcc", "cc", "ld", "as", "make", "git", "curl", "wget"}
OF_A_COMPILER = {".c", ".h", ".o", ".a"}


def pinned(file: str) -> dict[str, str]:
    """Name and version of all that a file of constraints has."""
    return dict(re.findall(r"^([\w-]+)==([\w.]+)", Path(file).read_text("utf-8"), re.MULTILINE))


def installed(image: Image) -> dict[str, metadata.Distribution]:
    return {each.name.lower().replace("_", "-"): each for each in metadata.distributions(path=[str(image.library)])}


def files(image: Image) -> Iterator[tuple[Path, os.stat_result]]:
    """All that is in it but links, with their rights."""
    for folder, folders, names in os.walk(image.root):
        for name in (*folders, *names):
            path = Path(folder, name)
            found = path.lstat()
            if not stat.S_ISLNK(found.st_mode):
                yield path.relative_to(image.root), found


def lookup(name: str) -> str:
    return name.lower().replace("_", "-")


def test_the_linter_has_nothing_to_say_about_the_dockerfile() -> None:
    done = subprocess.run((tools.hadolint(), DOCKERFILE), capture_output=True, text=True, check=False, timeout=60)
    assert (0, "") == (done.returncode, done.stdout + done.stderr)


def test_it_holds_what_is_pinned_and_the_worker(image: Image) -> None:
    ours = {"segment-relay": metadata.version("segment-relay")}
    assert {**pinned("constraints.txt"), **ours} == {name: each.version for name, each in installed(image).items()}


def test_what_is_pinned_is_enough_for_its_python(image: Image) -> None:
    """constraints.txt is resolved on the oldest supported Python: a newer one could need more."""
    there = installed(image)
    here = {"python_version": base().python, "python_full_version": f"{base().python}.0", "extra": ""}
    wanted = [Requirement(text) for each in there.values() for text in each.requires or ()]
    needed = {lookup(each.name): each for each in wanted if each.marker is None or each.marker.evaluate(here)}
    assert {name: each.specifier.contains(there[name].version) for name, each in needed.items()} == dict.fromkeys(
        needed, True
    )


def test_its_python_is_the_one_that_the_base_is_named_for(image: Image) -> None:
    assert f"python{base().python}" == image.library.parent.name


def test_it_is_compiled_where_it_will_run(image: Image) -> None:
    """An extension is loaded only by the Python that it was made for, and only with its like of the C library."""
    assert base().name == build_base().name.replace(base().python, f"{base().python}-slim")
    there = {Path(name) for name in metadata_files(image) if name.endswith(".so")}
    made_for = {name.name.partition(".")[2] for name in there}
    assert {f"cpython-{base().python.replace('.', '')}-x86_64-linux-gnu.so"} == made_for
    assert {"lane", "http_wire"} <= {name.name.partition(".")[0] for name in there}


def test_the_compiler_is_pinned_as_its_tests_ran() -> None:
    """`make check-compiled` is of constraints-dev.txt; what both files have beside, the worker has, too."""
    makes, tested, ships = (pinned(f"constraints{name}.txt") for name in ("-build", "-dev", ""))
    assert {"mypy", "setuptools"} <= makes.keys()
    assert makes == {name: tested[name] for name in makes}
    assert {name: makes[name] for name in makes.keys() & ships} == {name: ships[name] for name in makes.keys() & ships}


def test_no_installer_no_compiler_and_no_test_tool_is_in_it(image: Image) -> None:
    found = [path for path, _ in files(image)]
    assert [] == [path for path in found if path.name in PACKAGES or path.suffix == ".whl"]
    assert [] == [path for path in found if path.name in PROGRAMS and path.parent.name in {"bin", "sbin"}]
    # Some packages' wheels have C in them; ours has none, and what compiled it is not beside it.
    assert ["venv"] == [path.name for path in (image.root / "opt").iterdir()]
    assert [] == [name for name in metadata_files(image) if Path(name).suffix in OF_A_COMPILER]


def test_the_tests_are_not_in_it(image: Image) -> None:
    ours = {path.parts[0] for path in map(Path, metadata_files(image)) if path.suffix == ".py"}
    assert {"mappings", "worker"} == ours


def metadata_files(image: Image) -> list[str]:
    return [str(file) for file in installed(image)["segment-relay"].files or ()]


def test_nobody_but_root_can_write_to_it(image: Image) -> None:
    writable = {str(path) for path, found in files(image) if found.st_mode & stat.S_IWOTH and path.parts[0] != "dev"}
    assert writable <= {"tmp", "var/tmp", "run/lock"}, "only what the base lets everybody write to"
    assert {(0, 0)} == {(found.st_uid, found.st_gid) for path, found in files(image) if path.parts[0] == "opt"}


def test_no_program_gives_its_user_another_users_rights(image: Image) -> None:
    special = stat.S_ISUID | stat.S_ISGID
    assert [] == [path for path, found in files(image) if stat.S_ISREG(found.st_mode) and found.st_mode & special]


def test_all_bytecode_is_there_and_is_never_checked(image: Image) -> None:
    """A read-only root keeps none; what is missing would be compiled anew at each start."""
    library = next((image.root / "usr").glob(f"*/python{base().python}"))
    sources = [path for place in (image.library, library) for path in place.rglob("*.py")]
    caches = [
        path.parent / "__pycache__" / f"{path.stem}.cpython-{base().python.replace('.', '')}.pyc" for path in sources
    ]
    assert len(sources) > 1000
    assert [] == [path for path in caches if not path.exists() or path.read_bytes()[4:8] != UNCHECKED]


def test_it_says_how_it_is_run(image: Image) -> None:
    of_interest = ("User", "Entrypoint", "Cmd", "StopSignal", "ExposedPorts", "Volumes", "OnBuild")
    assert {
        "User": "10001:10001",
        "Entrypoint": ["/opt/venv/bin/segment-relay"],
        "Cmd": ["run"],
        "StopSignal": "SIGTERM",
        "ExposedPorts": {"9404/tcp": {}},
        "Volumes": None,
        "OnBuild": None,
    } == {name: image.config[name] for name in of_interest}


def test_its_environment_is_the_worker_s_own(image: Image) -> None:
    """Nothing of the machine that built it: no mirror, no proxy, no token."""
    assert {
        "PATH": "/opt/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
        "SEGMENT_RELAY_WORKER__ADMIN_ADDRESS": "0.0.0.0:9404",
    } == image.environment


def test_nothing_tells_where_its_packages_came_from(image: Image) -> None:
    assert not (image.root / "etc/pip.conf").exists()
    assert [] == [name for name, each in installed(image).items() if each.read_text("direct_url.json")]
    assert not any("://" in command for command in image.history)


def test_its_labels_are_those_of_the_build(image: Image, store: Store) -> None:
    prefix = "org.opencontainers.image."
    labels = {name.removeprefix(prefix): value for name, value in image.config["Labels"].items() if prefix in name}
    assert {
        "title": "segment-relay",
        "description": "Segment events from Kafka to tools that only speak HTTP",
        "licenses": "Apache-2.0",
        "version": LABELS["VERSION"],
        "revision": LABELS["REVISION"],
        "source": LABELS["SOURCE"],
        "base.name": base().name,
        "base.digest": store.digest(base().name),
    } == labels


def test_another_base_than_the_pinned_one_is_not_built_on(store: Store) -> None:
    with pytest.raises(NotBuilt, match="sha256:0000"):
        store.build("localhost/refused", {"BASE_DIGEST": "sha256:" + 64 * "0"})


def test_its_size_is_told(image: Image, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = {path: found.st_size for path, found in files(image) if stat.S_ISREG(found.st_mode)}
    ours = sum(size for path, size in sizes.items() if path.parts[0] == "opt")
    with capsys.disabled():
        print(f"\n{NAME}: {ours / 1e6:.0f} MB in /opt, {sum(sizes.values()) / 1e6:.0f} MB with the stand-in base")
    assert ours < 150e6
