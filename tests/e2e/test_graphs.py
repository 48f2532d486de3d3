# SPDX-License-Identifier: Apache-2.0
"""Graphs as files: compiled, inspected, built."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command import Ladle

DOCKERFILE = "FROM busybox AS a\nRUN echo made > /made\nFROM scratch\nCOPY --from=a /made /b/\nCOPY x /\n"


def test_two_processes_compile_to_the_same_bytes(ladle: Ladle, busybox: Path, context: Callable[..., Path]) -> None:
    files = context({"Dockerfile": DOCKERFILE, "x": "1", ".dockerignore": "b\na\n"})
    flags = ("compile", f"--build-context=busybox=oci-layout://{busybox}", "--label=b=1", "--label=a=2", files)
    graphs = {
        ladle(*flags, env={"PYTHONHASHSEED": seed, "LADLE_ROOT": str(ladle.store) + seed}).stdout
        for seed in ("1", "2", "3")
    }
    assert len(graphs) == 1


def test_a_graph_is_solved_from_a_file(
    ladle: Ladle, busybox: Path, context: Callable[..., Path], tmp_path: Path
) -> None:
    files = context({"Dockerfile": DOCKERFILE, "x": "1"})
    ladle("compile", f"--build-context=busybox=oci-layout://{busybox}", "-o", tmp_path / "x.llb", files)
    contexts = (f"--build-context=busybox=oci-layout://{busybox}", f"--build-context=context={files}")
    ladle("build", "--llb", tmp_path / "x.llb", *contexts, "-o", tmp_path / "out")
    assert (tmp_path / "out" / "b" / "made").read_text() == "made\n"
    ladle("build", "--llb", "-", *contexts, "-o", tmp_path / "piped", stdin=(tmp_path / "x.llb").read_bytes())
    assert (tmp_path / "piped" / "x").read_text() == "1"


@pytest.mark.parametrize(
    ("form", "shown"), [("text", "COPY x /"), ("json", '"op"'), ("mermaid", "flowchart"), ("dot", "digraph")]
)
def test_a_graph_is_shown(ladle: Ladle, context: Callable[..., Path], tmp_path: Path, form: str, shown: str) -> None:
    files = context({"Dockerfile": "FROM scratch\nCOPY x /\n", "x": "1"})
    ladle("compile", files, "-o", tmp_path / "x.llb")
    said = ladle("inspect", "--format", form, tmp_path / "x.llb").stdout.decode()
    assert shown in said
    if form == "json":
        json.loads(said)


def test_a_graph_names_no_path_of_this_machine(ladle: Ladle, busybox: Path, context: Callable[..., Path]) -> None:
    files = context({"Dockerfile": DOCKERFILE, "x": "1"})
    graph = ladle("compile", f"--build-context=busybox=oci-layout://{busybox}", files).stdout
    assert str(busybox).encode() not in graph
    assert str(files).encode() not in graph
