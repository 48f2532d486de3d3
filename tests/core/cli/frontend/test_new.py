# SPDX-License-Identifier: Apache-2.0
"""A new frontend works as it is written: its tests pass, it conforms, it builds; and it stays short."""

from __future__ import annotations

from pathlib import Path

import pytest

from ladle.core.cli.frontend.new import files_of
from tests.core.cli.frontend.conftest import Run
from tests.support.command import Ladle


def test_new_then_test_then_build(run: Run, ladle: Ladle, place: Path) -> None:
    said = run("new", "steps").stdout.decode()
    assert "wrote steps.py" in said
    first = run("test").stdout.decode()
    assert "2 passed" in first
    assert "13 of 13 passed" in first
    assert "2 snapshots passed" in run("test", "steps.py").stdout.decode()
    ladle("build", "-f", "sample.steps", "-o", "out", ".", cwd=place)
    assert (place / "out/sample.steps").read_text() == (place / "sample.steps").read_text()


def test_a_failing_test_of_the_author_fails(run: Run, place: Path) -> None:
    run("new", "steps")
    test = place / "test_steps.py"
    test.write_text(test.read_text() + "\n\ndef test_no():\n    assert False\n")
    done = run("test", check=False)
    assert done.returncode == 1
    assert "1 failed" in done.stdout.decode()


def test_it_is_short_and_shows_mistakes() -> None:
    files = files_of("steps")
    assert len(files["steps.py"].splitlines()) <= 20
    assert len(files["test_steps.py"].splitlines()) <= 10


def test_mistakes_in_a_build_file_are_all_told_with_their_lines(run: Run, ladle: Ladle, place: Path) -> None:
    run("new", "steps")
    (place / "sample.steps").write_text("# syntax=./steps.py\nform scratch\n\n  make\ncopy x\n")
    done = ladle("build", "-f", "sample.steps", ".", cwd=place, check=False)
    said = done.stderr.decode()
    assert done.returncode == 1
    assert "error[STEP001]: there is no 'form'" in said
    assert "--> sample.steps:2:1" in said
    assert "--> sample.steps:4:3" in said


def test_a_step_that_fails_names_its_line(run: Run, ladle: Ladle, place: Path) -> None:
    run("new", "steps")
    (place / "sample.steps").write_text("# syntax=./steps.py\nfrom host://\nrun true\nrun exit 3\n")
    done = ladle("build", "-f", "sample.steps", ".", cwd=place, check=False)
    said = done.stderr.decode()
    assert done.returncode == 1
    assert "sample.steps:4" in said
    assert "exit code: 3" in said or "exit code 3" in said


@pytest.mark.parametrize("name", ["", "Steps", "1a", "a-b", "../x", "a" * 50])
def test_names_that_are_none(run: Run, name: str, place: Path) -> None:
    done = run("new", name, check=False)
    assert done.returncode == 2
    assert "FE0122" in done.stderr.decode()
    assert list(place.iterdir()) == []


def test_nothing_is_overwritten(run: Run, place: Path) -> None:
    (place / "test_steps.py").write_text("mine")
    done = run("new", "steps", check=False)
    assert done.returncode == 2
    assert "FE0123" in done.stderr.decode()
    assert [path.name for path in place.iterdir()] == ["test_steps.py"]


def test_which_frontend_is_asked(run: Run, place: Path) -> None:
    assert "FE0124" in run("test", check=False).stderr.decode()
    run("new", "one")
    run("new", "two")
    done = run("test", check=False)
    assert done.returncode == 2
    assert "one.py, two.py" in done.stderr.decode()
    (place / "test_one.py").unlink()
    assert "FE0126" in run("test", "one.py", check=False).stderr.decode()
    assert "FE0120" in run("test", "three.py", check=False).stderr.decode()
