# SPDX-License-Identifier: Apache-2.0
"""Graphs that a build makes and solves itself (LLB-24), in ladle's form and in BuildKit's."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladle import llb
from ladle.llb.mounts import bind, secret
from ladle.llb.ops.exec import SecurityMode
from ladle.llb.protobuf import to_protobuf
from tests.support.command import Ladle

Write = Callable[..., Path]
Build = Callable[..., Any]


def files_of(done: Any) -> dict[str, str]:
    """Return the files of a result on stdout."""
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
        return {each.name: tar.extractfile(each).read().decode() for each in tar if each.isfile()}  # type: ignore[union-attr]


def inside(state: llb.State, form: str = "llb", filename: str = "") -> llb.State:
    """Return a state that is built from a file in which the build puts the graph of another one."""
    definition = llb.marshal(state)
    data = to_protobuf(definition) if form == "pb" else definition.to_bytes()
    return llb.build(llb.scratch().mkfile(f"/{filename or 'buildkit.llb.definition'}", data), filename=filename)


@pytest.fixture
def build(ladle: Ladle, tmp_path: Path) -> Build:
    """Return a function that builds a state as a tar on stdout."""

    def run(state: llb.State, *flags: str | Path, **more: Any) -> Any:
        graph = tmp_path / "graph.llb"
        graph.write_bytes(llb.marshal(state).to_bytes())
        return ladle("build", "--llb", graph, "-o", "-", "--progress", "plain", *flags, **more)

    return run


@pytest.mark.row("LLB-24")
@pytest.mark.parametrize("form", ["llb", "pb"])
@pytest.mark.parametrize("filename", ["", "sub.llb"])
def test_a_graph_from_a_file_is_built(build: Build, form: str, filename: str) -> None:
    inner = llb.scratch().mkfile("/a", "made by the inner graph")
    assert files_of(build(inside(inner, form, filename))) == {"a": "made by the inner graph"}


@pytest.mark.row("LLB-24")
def test_a_step_writes_the_graph_and_others_stand_on_its_result(
    build: Build, context: Write, tmp_path: Path, ladle: Ladle
) -> None:
    directory = context({"Dockerfile": "FROM scratch\nCOPY a /from-context\n", "a": "1"})
    (tmp_path / "graphs").mkdir()
    ladle("compile", "-o", tmp_path / "graphs/inner.llb", directory)
    mounts = [bind(llb.local("graphs"), "/in"), bind(None, "/out", keep=True)]
    graphs = llb.host().run(["sh", "-c", "cp /in/inner.llb /out/graph"], mounts=mounts).mount("/out")
    state = llb.build(graphs, filename="graph").mkfile("/beside", "2")
    flags = ("--build-context", f"graphs={tmp_path}/graphs", directory)
    first = build(state, *flags)
    assert files_of(first) == {"from-context": "1", "beside": "2"}
    again = build(state, *flags)
    assert files_of(again) == {"from-context": "1", "beside": "2"}
    said = again.stderr.decode()
    assert "sh -c" not in "".join(line for line in said.splitlines() if "CACHED" not in line and "DONE" in line)
    (directory / "a").write_text("changed")
    assert files_of(build(state, *flags)) == {"from-context": "changed", "beside": "2"}


def test_what_stands_on_an_unchanged_graph_is_cached(build: Build) -> None:
    state = inside(llb.scratch().mkfile("/a", "1")).mkfile("/b", "2", name="the step above")
    build(state)
    said = build(state).stderr.decode()
    assert "the step above CACHED" in said


@pytest.mark.row("LLB-24")
def test_graphs_in_graphs(build: Build) -> None:
    state = llb.scratch().mkfile("/deep", "x")
    for _ in range(8):
        state = inside(state)
    assert files_of(build(state)) == {"deep": "x"}
    done = build(inside(state), check=False)
    assert done.returncode == 1
    assert "error[LA0411]" in done.stderr.decode()


def test_an_empty_result_is_scratch(build: Build) -> None:
    assert files_of(build(inside(llb.scratch()).mkfile("/only", "1"))) == {"only": "1"}


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (lambda: llb.build(llb.scratch().mkfile("/x", "1")), "has no file 'buildkit.llb.definition'"),
        (lambda: llb.build(llb.scratch().mkfile("/g", b"\x0a\xff"), filename="g"), "is not valid"),
        (lambda: llb.build(llb.scratch().mkfile("/g", b""), filename="g"), "it is empty"),
        (lambda: llb.build(llb.scratch().mkfile("/g", b"\x83junk"), filename="g"), "is not valid"),
        (lambda: llb.build(llb.scratch().symlink("/etc/shadow", "/g"), filename="g"), "has no file 'g'"),
    ],
)
def test_what_is_no_graph_is_named(build: Build, state: Callable[[], llb.State], said: str) -> None:
    done = build(state(), check=False)
    assert done.returncode == 1
    text = done.stderr.decode()
    assert "error[LA0410]" in text
    assert said in text
    assert "Traceback" not in text


def test_it_gets_no_more_than_the_user_granted(build: Build, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hidden")
    wants = llb.host().run(["sh", "-c", "cat /run/secrets/key"], mounts=[secret("key")])
    refused = build(inside(wants.root), check=False)
    assert refused.returncode == 1
    assert "host" in refused.stderr.decode()
    no_secret = build(inside(wants.root), "--allow", "host", check=False)
    assert no_secret.returncode == 1
    assert "key" in no_secret.stderr.decode()
    flags = ("--allow", "host", "--secret", f"id=key,src={tmp_path}/secret")
    assert build(inside(wants.root), *flags).returncode == 0
    loose = llb.host().run(["true"], security=SecurityMode.INSECURE)
    insecure = build(inside(loose.root), "--allow", "host", check=False)
    assert insecure.returncode == 1
    assert "security.insecure" in insecure.stderr.decode()


def test_a_failing_step_in_it_is_shown_with_its_output(build: Build) -> None:
    fails = llb.host().run(["sh", "-c", "echo inner words; exit 7"]).root
    done = build(inside(fails), "--allow", "host", check=False)
    assert done.returncode == 1
    assert "inner words" in done.stderr.decode()
    assert "7" in done.stderr.decode()


def test_buildkits_form_goes_out_and_comes_in(ladle: Ladle, context: Write, tmp_path: Path) -> None:
    directory = context({"Dockerfile": "FROM scratch\nCOPY a /b\n", "a": "1"})
    graph = tmp_path / "x.pb"
    ladle("compile", "--format", "pb", "-o", graph, directory)
    assert files_of(ladle("build", "--llb", graph, "-o", "-", directory)) == {"b": "1"}
    done = ladle("build", "--llb", "-", "-o", "-", directory, stdin=graph.read_bytes())
    assert files_of(done) == {"b": "1"}
    assert b"COPY a /b" in ladle("inspect", graph).stdout


def test_what_buildkit_cannot_hold_is_refused(ladle: Ladle, context: Write) -> None:
    directory = context({"Dockerfile": "FROM base\nRUN true\n"})
    done = ladle("compile", "--format", "pb", "--build-context", "base=host://", directory, check=False)
    assert done.returncode == 1
    assert "error[LA0193]" in done.stderr.decode()
    assert "host://" in done.stderr.decode()
    flags = ("--platform", "linux/amd64,linux/arm64", "--format", "pb")
    several = ladle("compile", *flags, context({"Dockerfile": "FROM scratch\nCOPY Dockerfile /\n"}), check=False)
    assert several.returncode == 2
    assert "error[LA0192]" in several.stderr.decode()
    assert ladle("compile", "--format", "xml", directory, check=False).returncode == 2
