# SPDX-License-Identifier: Apache-2.0
"""`ladle compile` and `ladle inspect`: what they refuse, and that nothing is written by halves."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ladle.llb import marshal, scratch
from tests.core.cli.conftest import Said

Run = Callable[..., Said]


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    """Return a graph as a file."""
    path = tmp_path / "x.llb"
    path.write_bytes(marshal(scratch().mkfile("/a", b"1")).to_bytes())
    return path


@pytest.mark.parametrize(
    ("form", "shown"), [("text", "mkfile"), ("json", "{"), ("mermaid", "flowchart"), ("dot", "digraph")]
)
def test_inspect_shows_a_graph(ladle: Run, graph: Path, form: str, shown: str) -> None:
    done = ladle("inspect", f"--format={form}", graph)
    assert (done.code, done.err) == (0, "")
    assert shown in done.out
    assert done.out.endswith("\n")


def test_inspect_refuses(ladle: Run, graph: Path, tmp_path: Path) -> None:
    assert "error[LA0154]" in ladle("inspect", "--format=svg", graph).err
    unknown = ladle("inspect", tmp_path / "nowhere")
    assert (unknown.code, "error[LA0150]" in unknown.err) == (2, True)
    graph.write_bytes(graph.read_bytes()[:-1])
    cut = ladle("inspect", graph)
    assert (cut.code, "error[LA0151]" in cut.err) == (1, True)


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """Return a context with a build file."""
    path = tmp_path / "context"
    path.mkdir()
    (path / "Dockerfile").write_text("FROM scratch\nCOPY a /b\n")
    (path / "a").write_text("1")
    return path


def test_compile_writes_a_file_whole(ladle: Run, context: Path, tmp_path: Path) -> None:
    assert ladle("compile", "-o", "x.llb", context) == Said(0, "", "")
    assert "COPY a /b" in ladle("inspect", "x.llb").out
    missing = ladle("compile", "-o", "no/x.llb", context)
    assert (missing.code, "error[LA0152]" in missing.err) == (1, True)
    assert sorted(os.listdir(tmp_path)) == ["context", "store", "x.llb"]


def test_compile_does_not_write_to_a_terminal(ladle: Run, context: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    done = ladle("compile", context)
    assert (done.code, done.out) == (2, "")
    assert "error[LA0153]" in done.err
