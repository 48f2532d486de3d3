# SPDX-License-Identifier: Apache-2.0
"""ladle in a program: states solved and exported, targets called, secrets, progress, and what goes wrong."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ladle.core import engine as engines
from ladle.core.api.diagnostics import DiagnosticError
from ladle.core.api.errors import BuildError, UsageError
from ladle.core.build.outcome import StepError
from ladle.core.engine import Engine
from ladle.core.progress.reporter import Event
from ladle.frontends.python import Image, context, image, listing, machine, read, sh, target
from ladle.llb import State, mounts, scratch
from ladle.llb.errors import LLBError
from ladle.llb.outside import use_engine

MakeEngine = Callable[..., Engine]


@pytest.fixture
def make_engine(tmp_path: Path) -> MakeEngine:
    """Return a maker of engines with a store and a context of their own."""
    (tmp_path / "context").mkdir()
    (tmp_path / "context" / "a.txt").write_text("a")
    (tmp_path / "context" / "b.txt").write_text("b")
    return lambda **options: Engine(tmp_path / "context", root=tmp_path / "store", **options)


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let `solve` and `export` make the engine that they need, and end it."""
    monkeypatch.setenv("LADLE_ROOT", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)
    before = use_engine(None)
    engines.close()
    yield
    engines.close()
    use_engine(before)


@target
def app(word: str = "hi", count: int = 1) -> Image:
    """The app."""
    state = scratch().mkfile("/greet", word * count).copy(context(), "a.txt", "/data/")
    return Image(state, cmd=["/greet"], ports=[80])


def test_a_tree_is_read(make_engine: MakeEngine) -> None:
    with make_engine(build_args={"word": "ho", "count": "2"}) as engine:
        tree = engine.solve(app)
        assert tree.read("/greet") == b"hoho"
        assert tree.list() == ("data/", "greet")
        assert tree.list("/data") == ("a.txt",)
        assert (tree.read("/none"), tree.list("/none")) == (None, None)
        assert app("yo").state.solve().read("/greet") == b"yoyo"


def test_an_image_is_exported(make_engine: MakeEngine, tmp_path: Path) -> None:
    with make_engine() as engine:
        done = engine.export(app, type="oci", dest=tmp_path / "app.tar", name="app:1")
        assert done.digest.startswith("sha256:")
    with tarfile.open(tmp_path / "app.tar") as archive:
        texts = [file.read() for each in archive if (file := archive.extractfile(each))]
    configs = [json.loads(text) for text in texts if text.startswith(b'{"architecture"')]
    assert configs[0]["config"]["Cmd"] == ["/greet"]
    assert configs[0]["config"]["ExposedPorts"] == {"80/tcp": {}}


def test_a_state_exports_itself(make_engine: MakeEngine, tmp_path: Path) -> None:
    with make_engine():
        done = scratch().mkfile("/x", "y").export("local", dest=str(tmp_path / "out"))
    assert (tmp_path / "out" / "x").read_text() == "y"
    assert "out" in done.summaries[0]


@pytest.mark.root
def test_a_step_sees_its_secret_and_a_failure_points_at_the_program(make_engine: MakeEngine) -> None:
    events: list[Event] = []
    with make_engine(secrets={"key": "hunter2"}, progress=events.append) as engine:
        base = machine()
        made = base.run(sh("wc -c < /run/secrets/key > /size"), mounts=[mounts.secret("key")])
        assert engine.solve(made).read("/size") == b"7\n"
        with pytest.raises(StepError) as caught:
            engine.solve(base.run(sh("echo because; exit 3")))
    said = caught.value.render()
    assert ">>>             engine.solve(base.run(sh(" in said
    assert "  | because" in said
    assert {"started", "completed", "failed", "log"} <= {event["type"] for event in events}
    assert "hunter2" not in said + str(events)


def test_the_context_is_asked(make_engine: MakeEngine) -> None:
    with make_engine(contexts={"more": "."}) as engine:
        assert listing() == ("a.txt", "b.txt")
        assert read("b.txt") == b"b"
        assert engine.solve(scratch().copy(context("more"), "pyproject.toml", "/")).list() == ("pyproject.toml",)


def test_without_an_engine_nothing_is_asked(make_engine: MakeEngine) -> None:
    with pytest.raises(DiagnosticError, match="no build is going on"):
        image("busybox")
    engine = make_engine()
    with pytest.raises(UsageError, match="not in use"):
        engine.solve(scratch())
    with engine, pytest.raises(UsageError, match="in use already"):
        engine.__enter__()
    before = use_engine(None)
    try:
        with pytest.raises(LLBError, match=r"import ladle\.core\.engine"):
            scratch().solve()
    finally:
        use_engine(before)


@pytest.mark.usefixtures("alone")
def test_importing_is_enough(tmp_path: Path) -> None:
    state: State = scratch().mkfile("/x", "y")
    assert state.solve().read("/x") == b"y"
    done: Any = state.export("tar", dest=str(tmp_path / "x.tar"))
    with tarfile.open(tmp_path / "x.tar") as archive:
        assert archive.getnames() == ["x"]
    assert done.digest == ""


def test_bad_arguments_are_told(make_engine: MakeEngine) -> None:
    with make_engine(build_args={"count": "many"}) as engine, pytest.raises(BuildError, match="not a whole number"):
        engine.solve(app)
