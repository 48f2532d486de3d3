# SPDX-License-Identifier: Apache-2.0
"""`--call`, `--check` and `ladle check`: what is printed, exit codes, and a build file mended in place."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from ladle.core.api.errors import UsageError
from ladle.core.cli.calls import Call, parse_call
from tests.core.cli.conftest import Said

Run = Callable[..., Said]
BAD = "FROM scratch AS Up\nMAINTAINER me\nCMD run\n"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a context with a build file that has three findings."""
    path = tmp_path / "place"
    path.mkdir()
    (path / "Dockerfile").write_text(BAD)
    return path


@pytest.mark.row("CK-32")
@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("check", Call("lint")),
        ("lint,format=json", Call("lint", "json")),
        ("frontend.outline", Call("outline")),
        ("frontend.subrequests.describe", Call("describe")),
        ("check,ignorestatus", Call("lint", ignore_status=True)),
        ("targets,format=text,ignorestatus=false", Call("targets")),
        ("check,fix,format=json", Call("lint", "json", fix=True)),
    ],
)
def test_calls(text: str, call: Call) -> None:
    assert parse_call(text) == call


@pytest.mark.parametrize(
    "text", ["", "run", "check,format=yaml", "check,x", "check,ignorestatus=perhaps", "targets,fix"]
)
def test_calls_that_are_none(text: str) -> None:
    with pytest.raises(UsageError):
        parse_call(text)


@pytest.mark.row("CK-29", "CK-32")
def test_check_prints_and_fails(ladle: Run, place: Path) -> None:
    for words in (["build", "--check"], ["build", "--call=check"], ["check"]):
        done = ladle(*words, place)
        assert (done.code, done.err) == (1, "")
        assert done.out.endswith("Check complete, 3 warnings have been found!\n")
    done = ladle("build", "--call=check,format=json,ignorestatus", place)
    assert done.code == 0
    assert [each["ruleName"] for each in json.loads(done.out)["warnings"]] == [
        "StageNameCasing",
        "MaintainerDeprecated",
        "JSONArgsRecommended",
    ]
    assert ladle("check", "--build-arg=BUILDKIT_DOCKERFILE_CHECK=skip=all", place).code == 0


@pytest.mark.row("CK-27", "CK-28", "CK-30", "CK-32")
def test_other_calls(ladle: Run, place: Path) -> None:
    assert "up (default)" in ladle("build", "--call=targets", place).out
    assert "TARGET:" in ladle("build", "--call", "outline", place).out
    assert "check" in ladle("build", "--call=describe", place).out
    assert ladle("build", "--call=build", "-q", place).code == 0


def test_what_is_refused(ladle: Run, place: Path) -> None:
    for words, code in (
        (["build", "--call=dance", place], "LA0156"),
        (["build", "--call=check,x", place], "LA0157"),
        (["check", "--format=yaml", place], "LA0157"),
        (["build", "--check", "--llb", "x"], "LA0158"),
        (["check", "--fix", "-f", "-", place], "LA0159"),
    ):
        done = ladle(*words)
        assert (done.code, f"error[{code}]" in done.err) == (2, True), done.err


@pytest.mark.row("CK-25")
def test_a_build_warns_and_warns_again_from_the_cache(ladle: Run, place: Path) -> None:
    for _ in range(2):
        done = ladle("build", place)
        assert done.code == 0
        assert "warning: StageNameCasing: Stage name 'Up' should be lowercase\n  --> Dockerfile:1:17" in done.err


@pytest.mark.row("CK-23", "CK-25", "DF-66")
def test_a_build_with_warnings_as_errors(ladle: Run, place: Path) -> None:
    done = ladle("build", "--build-arg=BUILDKIT_DOCKERFILE_CHECK=error=true;skip=StageNameCasing", place)
    assert done.code == 1
    assert "lint violation found for rules: MaintainerDeprecated, JSONArgsRecommended" in done.err


@pytest.mark.parametrize("words", [("check", "--fix"), ("build", "--check=fix"), ("build", "--call=check,fix")])
def test_fix_mends_in_place(ladle: Run, place: Path, words: tuple[str, ...]) -> None:
    file = place / "Dockerfile"
    file.chmod(0o640)
    done = ladle(*words, place)
    assert done.code == 1
    assert done.out.endswith("Check complete, 1 warning has been found!\n")
    assert "-FROM scratch AS Up\n" in done.err
    assert "+FROM scratch AS up\n" in done.err
    assert file.read_text() == 'FROM scratch AS up\nLABEL org.opencontainers.image.authors="me"\nCMD run\n'
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert os.listdir(place) == ["Dockerfile"]
    assert ladle("check", "--fix", place).err == ""


def test_fix_goes_through_a_link(ladle: Run, place: Path, tmp_path: Path) -> None:
    (place / "Dockerfile").rename(tmp_path / "real")
    (place / "Dockerfile").symlink_to(tmp_path / "real")
    ladle("check", "--fix", place)
    assert (place / "Dockerfile").is_symlink()
    assert (tmp_path / "real").read_text() != BAD


def test_fix_of_a_broken_file_changes_nothing(ladle: Run, place: Path) -> None:
    (place / "Dockerfile").write_text("FORM x\n")
    done = ladle("check", "--fix", place)
    assert done.code == 1
    assert "unknown instruction: FORM" in done.err
    assert (place / "Dockerfile").read_text() == "FORM x\n"
