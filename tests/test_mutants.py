"""The table of known bugs: each can still be put back, and the test that is to find it is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.mutants import ROOT, Mutant, mutants

ALL = mutants()


@pytest.mark.parametrize("mutant", ALL, ids=lambda mutant: mutant.name)
def test_a_known_bug_can_be_put_back(mutant: Mutant) -> None:
    assert None is mutant.gone()
    assert mutant.before != mutant.after


@pytest.mark.parametrize("mutant", ALL, ids=lambda mutant: mutant.name)
def test_the_test_that_finds_it_is_there(mutant: Mutant) -> None:
    file, _, name = mutant.test.partition("::")
    assert f"def {name.partition('[')[0]}(" in (ROOT / file).read_text("utf-8")


def test_no_two_have_one_name() -> None:
    assert len(ALL) == len({each.name for each in ALL})


def test_a_text_that_is_gone_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\nx = 1\n")
    twice = Mutant("rule", "a bug", "a.py", before="x = 1\n", after="x = 2\n", test="tests/a.py::test_a")
    absent = Mutant("rule", "a bug", "b.py", before="x = 1\n", after="x = 2\n", test="tests/a.py::test_a")
    assert [
        "a bug: its text is in a.py 2 times, not once",
        "a bug: its text is in b.py 0 times, not once",
    ] == [twice.gone(tmp_path), absent.gone(tmp_path)]


def test_what_was_put_back_is_taken_out_again(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text("x = 1\n")
    with Mutant("rule", "a bug", "a.py", before="1", after="2", test="tests/a.py::test_a").put_back(tmp_path):
        assert "x = 2\n" == file.read_text()
    assert "x = 1\n" == file.read_text()
