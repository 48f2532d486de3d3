# SPDX-License-Identifier: Apache-2.0
"""Bad input: a clear message with its line, an exit code, never a traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command import Ladle


def failing(ladle: Ladle, *args: str | Path, code: int = 1, stdin: bytes | None = None) -> str:
    """Run a build that must fail; returns what it said."""
    done = ladle(*args, check=False, stdin=stdin)
    said = done.stderr.decode()
    assert "Traceback" not in said
    assert done.returncode == code, said
    return said


def test_no_dockerfile(ladle: Ladle, context: Callable[..., Path]) -> None:
    said = failing(ladle, "build", context({"other": ""}))
    assert "Dockerfile" in said
    assert "does not exist" in said


def test_no_such_context(ladle: Ladle, tmp_path: Path) -> None:
    assert "does not exist" in failing(ladle, "build", tmp_path / "nowhere", code=2)


def test_no_context(ladle: Ladle) -> None:
    assert "exactly one PATH" in failing(ladle, "build", code=2)


def test_unknown_flag(ladle: Ladle) -> None:
    assert "--tga" in failing(ladle, "build", "--tga=x", ".", code=2)


def test_unknown_output(ladle: Ladle, context: Callable[..., Path]) -> None:
    said = failing(ladle, "build", "-o", "type=oic,dest=x", context({"Dockerfile": "FROM scratch\n"}), code=2)
    assert "did you mean 'oci'" in said


MISTAKES = {
    "": "no instructions",
    "FROM scratch\nCOYP a b\n": "did you mean",
    "FROM scratch AS builder\nFROM scratch\nCOPY --from=biulder /a /b\n": "did you mean",
    "RUN true\n": "no build stage",
    "FROM scratch\nRUN --mount=type=bind true\n": "invalid mount target",
    "FROM scratch\nCOPY missing.txt /\n": "missing.txt",
}


@pytest.mark.parametrize("dockerfile", MISTAKES)
def test_a_mistake_in_a_dockerfile(ladle: Ladle, context: Callable[..., Path], dockerfile: str) -> None:
    said = failing(ladle, "build", "--offline", context({"Dockerfile": dockerfile, "a": ""}))
    assert MISTAKES[dockerfile] in said
    assert "Dockerfile" in said


def test_the_line_is_named(ladle: Ladle, context: Callable[..., Path]) -> None:
    assert "Dockerfile:2" in failing(ladle, "build", context({"Dockerfile": "FROM scratch\nCOYP a b\n"}))


def test_unknown_target(ladle: Ladle, context: Callable[..., Path]) -> None:
    said = failing(ladle, "build", "--target=relase", context({"Dockerfile": "FROM scratch AS release\n"}))
    assert "relase" in said
    assert "release" in said


def test_an_ignored_file_names_the_line_that_hides_it(ladle: Ladle, context: Callable[..., Path]) -> None:
    files = context({"Dockerfile": "FROM scratch\nCOPY run.sh /\n", "run.sh": "", ".dockerignore": "*.txt\n*.sh\n"})
    said = failing(ladle, "build", files)
    assert "line 2 of" in said
    assert "*.sh" in said
    assert "Dockerfile:2" in said


def test_a_missing_file_has_a_near_name(ladle: Ladle, context: Callable[..., Path]) -> None:
    said = failing(ladle, "build", context({"Dockerfile": "FROM scratch\nCOPY entripoint.sh /\n", "entrypoint.sh": ""}))
    assert "did you mean 'entrypoint.sh'" in said


def test_a_failing_step_shows_its_line_output_and_log(
    ladle: Ladle, busybox: Path, context: Callable[..., Path]
) -> None:
    files = context({"Dockerfile": "FROM busybox\nRUN echo before && echo telling >&2 && exit 7\n"})
    said = failing(ladle, "build", f"--build-context=busybox=oci-layout://{busybox}", files)
    assert "   2 | >>> RUN echo before" in said
    assert "did not complete successfully: exit code: 7" in said
    assert "  | telling" in said
    log = next(line for line in said.splitlines() if "whole log is in" in line).rpartition(" ")[2]
    assert Path(log).read_text() == "before\ntelling\n"


def test_a_truncated_graph(ladle: Ladle, context: Callable[..., Path], tmp_path: Path) -> None:
    files = context({"Dockerfile": "FROM scratch\nCOPY a /\n", "a": "1"})
    graph = ladle("compile", files).stdout
    (tmp_path / "cut.llb").write_bytes(graph[:-7])
    assert "is not valid" in failing(ladle, "build", "--llb", tmp_path / "cut.llb")


@pytest.mark.parametrize("data", [b"", b"\xff" * 40, b"\x81\xa1a\x01", b"FROM scratch\n"])
def test_a_forged_graph(ladle: Ladle, data: bytes) -> None:
    assert "is not valid" in failing(ladle, "build", "--llb", "-", stdin=data)
    assert "is not valid" in failing(ladle, "inspect", "-", stdin=data)
