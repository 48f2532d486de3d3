# SPDX-License-Identifier: Apache-2.0
"""Why a step failed: its place, its output, and for a missing file what hides it or what is near to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.build.failure import NOT_FOUND, step_error
from ladle.core.build.outcome import StepError
from ladle.core.build.request import BuildRequest
from ladle.core.progress.reporter import BuildReporter
from ladle.llb.metadata import Location, Range, SourceInfo

Fail = Callable[..., BuildError]
STEP = "sha256:" + "1" * 64


@pytest.fixture
def directory(write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a context, made the present directory."""
    made = write({"Dockerfile": "FROM scratch\nCOPY x /\n", "entrypoint.sh": "", "src/main.c": "", "src/main.o": ""})
    monkeypatch.chdir(made)
    return made


@pytest.fixture
def reporter(tmp_path: Path) -> Iterator[BuildReporter]:
    """Return a reporter that shows nothing and spools logs."""
    made = BuildReporter(lambda event: None, log_dir=str(tmp_path / "logs"))
    yield made
    made.close()


@pytest.fixture
def fail(directory: Path, ask: Callable[..., BuildRequest], reporter: BuildReporter) -> Fail:
    """Return a function that lets the step fail, and returns the error as it is shown."""

    def make(error: BuildError, *, reads_context: bool = True) -> BuildError:
        location = Location(
            source=SourceInfo(filename="Dockerfile", data=(directory / "Dockerfile").read_bytes()),
            ranges=(Range(start_line=2, end_line=2),),
        )
        graph: Any = SimpleNamespace(
            vertices={STEP: SimpleNamespace(name="COPY x /")},
            location=lambda digest: (location,),
            reads_context=lambda digest: reads_context,
        )
        reporter.failed(STEP, error)
        return step_error(error, graph, reporter, ask(directory))

    return make


def missing(path: str) -> BuildError:
    return BuildError(f'"/{path}": not found', code=NOT_FOUND)


def test_place_and_output_are_shown(fail: Fail, reporter: BuildReporter) -> None:
    reporter.log(STEP, 1, b"one\ntwo\n")
    error = fail(BuildError("it broke", code="LA0400"))
    assert isinstance(error, StepError)
    assert (error.step, error.excerpt[0], error.log) == ("COPY x /", "Dockerfile:2", ("one", "two"))
    assert Path(error.log_path).read_bytes() == b"one\ntwo\n"


def test_an_error_of_no_step_stays_as_it_is(
    ask: Callable[..., BuildRequest], directory: Path, reporter: BuildReporter
) -> None:
    graph: Any = SimpleNamespace(vertices={})
    error = BuildError("no registry", code="LA0204")
    assert step_error(error, graph, reporter, ask(directory)) is error


@pytest.mark.parametrize(
    ("path", "near"),
    [
        ("entripoint.sh", "did you mean 'entrypoint.sh'?"),
        ("src/mian.c", "did you mean 'src/main.c'?"),
        ("nothing/like/it", ""),
        ("zzz", ""),
    ],
)
def test_a_near_name_is_offered(fail: Fail, path: str, near: str) -> None:
    assert fail(missing(path)).help == near


def test_a_name_that_is_ignored_is_not_offered(fail: Fail, directory: Path) -> None:
    (directory / "src" / "mains.c").touch()
    (directory / ".dockerignore").write_text("src/main.c\n")
    assert fail(missing("src/mian.c")).help == "did you mean 'src/mains.c'?"
    (directory / ".dockerignore").write_text("src\n")
    assert "did you mean" not in fail(missing("src/mian.c")).help


def test_the_line_that_hides_a_file_is_named(fail: Fail, directory: Path) -> None:
    (directory / ".dockerignore").write_text("# objects\n\n**/*.o\n!src/keep.o\n")
    error = fail(missing("src/main.o"))
    assert error.notes == ("'src/main.o' is excluded by line 3 of .dockerignore: **/*.o",)
    assert error.help.startswith("change that line")
    assert fail(missing("src/keep.o")).notes == ()


def test_the_build_files_own_ignore_file_counts_alone(fail: Fail, directory: Path) -> None:
    (directory / ".dockerignore").write_text("src\n")
    (directory / "Dockerfile.dockerignore").write_text("other\nsrc/main.o\n")
    assert "line 2 of Dockerfile.dockerignore: src/main.o" in fail(missing("src/main.o")).notes[0]
    assert fail(missing("src/main.c")).notes == ()


def test_a_file_of_another_stage_is_not_looked_for_here(fail: Fail, directory: Path) -> None:
    (directory / ".dockerignore").write_text("*.sh\n")
    error = fail(missing("entripoint.sh"), reads_context=False)
    assert (error.notes, error.help) == ((), "")


def test_other_mistakes_are_not_explained_so(fail: Fail) -> None:
    assert fail(BuildError('"/entripoint.sh" broke', code="LA0302")).help == ""
