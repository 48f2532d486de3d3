# SPDX-License-Identifier: Apache-2.0
"""A definition as the solver sees it."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from ladle.core.api.source import Pin
from ladle.core.build.graph import Graph
from ladle.core.build.runners.exec import ExecRunner
from ladle.core.build.runners.file import FileRunner
from ladle.core.build.runners.source import SourceRunner
from ladle.llb import build, git, http, image, local, marshal, scratch
from ladle.llb.ops import SourceOp
from ladle.llb.state import State

COMMIT = "a" * 40


def graph_of(state: State, environment: Any = None, **options: Any) -> Graph:
    given: Any = environment or SimpleNamespace(grants=frozenset(), services=None)
    return Graph(marshal(state), given, **options)


def by_name(graph: Graph) -> dict[str, str]:
    return {vertex.name: digest for digest, vertex in graph.vertices.items()}


def test_inputs_come_first_and_edges_are_digests() -> None:
    base = image("busybox")
    graph = graph_of(base.run(["sh", "-c", "x"], name="made").root.copy(base, "/a", "/b", op={"name": "copied"}))
    names = by_name(graph)
    seen: set[str] = set()
    for digest, vertex in graph.vertices.items():
        assert vertex.digest == digest
        assert {each for each, _ in vertex.inputs} <= seen
        seen.add(digest)
    source = names["docker-image://docker.io/library/busybox:latest"]
    assert graph.vertices[names["made"]].inputs == ((source, 0),)
    assert {each for each, _ in graph.vertices[names["copied"]].inputs} == {source, names["made"]}


def test_every_kind_has_its_runner() -> None:
    graph = graph_of(image("busybox").run(["true"], name="run").root.mkdir("/d", name="dir"))
    names = by_name(graph)
    assert type(graph.runner(names["run"])) is ExecRunner
    assert type(graph.runner(names["dir"])) is FileRunner
    assert type(graph.runner(names["docker-image://docker.io/library/busybox:latest"])) is SourceRunner


def test_a_build_op_runs_anew() -> None:
    graph = graph_of(build(scratch().mkfile("/graph", b""), filename="graph").mkdir("/d"))
    assert [vertex.ignore_cache for vertex in graph.vertices.values()] == [False, True, False]
    assert not graph.is_fixed()


def test_names_without_a_name() -> None:
    names = list(by_name(graph_of(image("busybox").run(["echo", "a b"]).root.mkdir("/d"))))
    assert names[:2] == ["docker-image://docker.io/library/busybox:latest", "run echo a b"]
    assert names[2].startswith("file ")


def test_a_name_is_one_harmless_line() -> None:
    state = image("busybox").run(["true"], name="RUN a\nb\r\x1b[2Jc\x07").root
    assert "RUN a b c\ufffd" in by_name(graph_of(state))


def test_no_cache_is_for_steps_only() -> None:
    state = image("busybox").run(["true"]).root
    assert [vertex.ignore_cache for vertex in graph_of(state).vertices.values()] == [False, False]
    assert [vertex.ignore_cache for vertex in graph_of(state, no_cache=True).vertices.values()] == [False, True]
    marked = image("busybox").run(["true"], ignore_cache=True).root
    assert [vertex.ignore_cache for vertex in graph_of(marked).vertices.values()] == [False, True]


def test_who_reads_the_context() -> None:
    context, other = local("context"), local("other")
    copied = scratch().copy(context, "/a", "/a", op={"name": "mine"}).copy(other, "/a", "/b", op={"name": "other"})
    graph = graph_of(copied)
    names = by_name(graph)
    assert graph.reads_context(names["mine"])
    assert not graph.reads_context(names["other"])
    assert not graph.reads_context(names["local://context"])


def test_local_roots_are_told_as_they_were_scanned() -> None:
    source = local("context", exclude_patterns=["*.o"], follow_paths=["a"])
    unread = local("unread")
    environment: Any = SimpleNamespace(grants=frozenset(), services=None, pins={})
    graph = graph_of(scratch().copy(source, "/a", "/a").copy(unread, "/b", "/b"), environment)
    names = by_name(graph)
    ref = {"kind": "local", "root": "/c", "table": "/t"}
    environment.pins[names["local://context"]] = Pin(key="k", ref=ref)
    assert graph.local_roots(environment) == [("/c", ["*.o"], [], ["a"], "k")]
    op = graph.definition.vertices[0].op
    assert isinstance(op, SourceOp)
    assert json.loads(op.attr("local.excludepatterns") or "[]") == ["*.o"]


@pytest.mark.parametrize(
    ("state", "fixed"),
    [
        (image("busybox"), True),
        (http("https://x.org/a", checksum=f"sha256:{'a' * 64}"), True),
        (http("https://x.org/a"), False),
        (git("https://x.org/a.git", COMMIT), True),
        (git("https://x.org/a.git", f"{COMMIT}:dir"), True),
        (git("https://x.org/a.git", "main"), False),
        (git("https://x.org/a.git"), False),
        (git("https://x.org/a.git", "A" * 40), False),
    ],
)
def test_roots_that_can_change_behind_our_back(state: State, fixed: bool) -> None:
    assert graph_of(scratch().copy(state, "/", "/")).is_fixed() is fixed
