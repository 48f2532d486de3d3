# SPDX-License-Identifier: Apache-2.0
"""The cache of compiled build files: hit while nothing that was read has changed, missed by every change."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from ladle.core.api.diagnostics import Diagnostic, Severity
from ladle.core.api.errors import BuildError, InternalError
from ladle.core.api.frontend import BuildResult, ImageResult
from ladle.core.api.platforms import parse_platform
from ladle.core.build.compiled import Compiled, ask_frontend, compile_build_file
from ladle.core.build.context import RecordingContext
from ladle.core.build.reads import Read
from ladle.core.build.request import BuildRequest
from ladle.core.build.session import LocalSession
from ladle.core.registry import Registry
from ladle.llb import scratch
from tests.core.build.conftest import MemoryFacts

Ask = Callable[..., BuildRequest]
Write = Callable[..., Path]
Compile = Callable[[BuildRequest], Compiled]


class Counting:
    """A frontend that writes the build file's bytes into the result, and counts."""

    VERSION: ClassVar[str] = "1"
    runs: ClassVar[int] = 0
    images: ClassVar[int] = 1

    @classmethod
    def detect(cls, path: str, head: bytes) -> bool:
        return True

    def outline(self, context: Any) -> bytes:
        data: bytes = context.build_file()[1]
        return data

    def compile(self, context: Any) -> BuildResult:
        type(self).runs += 1
        _, data = context.build_file()
        context.read("absent")
        context.named_context("dir", platform=parse_platform("linux/amd64"))
        context.warn(Diagnostic(code="XX0001", severity=Severity.WARNING, message="look out"))
        platforms = [parse_platform(name) for name in ("linux/amd64", "linux/arm64")[: self.images]]
        return BuildResult(
            images=tuple(
                ImageResult(
                    platform=platform, state=scratch().mkfile("/f", data), config={"os": "linux"}, base_history=2
                )
                for platform in platforms
            ),
            epoch=7,
        )


class Known(Registry):
    """Knows the one frontend."""

    def __init__(self) -> None:
        super().__init__({"frontend": {"counting": "not:imported"}})

    def load(self, kind: str, name: str) -> Any:
        return Counting


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test count from 0."""
    monkeypatch.setattr(Counting, "runs", 0)


@pytest.fixture
def compiled(facts: MemoryFacts) -> Compile:
    """Return a function that compiles with a fresh context, as another process would."""
    registry = Known()

    def resolve(read: Read) -> str:
        raise AssertionError(read)

    def make(request: BuildRequest) -> Compiled:
        context = RecordingContext(request, LocalSession(), lambda scheme: None, lambda: "")
        return compile_build_file(request, context, registry=registry, facts=facts, resolve=resolve)

    return make


def test_a_frontend_is_asked(ask: Ask, write: Write) -> None:
    request = ask(write({"Dockerfile": "x"}))
    context = RecordingContext(request, LocalSession(), lambda scheme: None, lambda: "")
    registry = Known()
    assert ask_frontend(request, context, registry=registry, call="outline") == b"x"
    with pytest.raises(BuildError, match="'counting' does not answer the call 'lint'") as caught:
        ask_frontend(request, context, registry=registry, call="lint")
    assert caught.value.code == "LA0155"


def test_the_second_compile_is_a_look_up(ask: Ask, write: Write, compiled: Compile) -> None:
    directory = write({"Dockerfile": "x"})
    named = write({}, "dir")
    request = ask(directory, contexts=(f"dir={named}",))
    first = compiled(request)
    again = compiled(request)
    assert Counting.runs == 1
    assert again.definition.to_bytes() == first.definition.to_bytes()
    assert (again.images, again.epoch, again.warnings) == (first.images, 7, ("XX0001: look out",))
    assert again.images[0].base_history == 2
    assert (again.locals, again.layouts, again.replayable) == ({"dir": str(named)}, {}, True)
    assert again.reads == first.reads
    assert len(set(first.reads)) == len(first.reads)


def test_a_changed_file_is_a_miss(ask: Ask, write: Write, compiled: Compile) -> None:
    request = ask(write({"Dockerfile": "x"}))
    compiled(request)
    write({"Dockerfile": "y"})
    second = compiled(request)
    assert Counting.runs == 2
    assert second.definition.to_bytes() != b""
    write({"absent": ""})
    compiled(request)
    assert Counting.runs == 3
    compiled(request)
    assert Counting.runs == 3


def test_an_ignore_file_of_a_named_context_counts(ask: Ask, write: Write, compiled: Compile) -> None:
    directory = write({"Dockerfile": "x"})
    request = ask(directory, contexts=(f"dir={write({}, 'dir')}",))
    compiled(request)
    write({".dockerignore": "*"}, "dir")
    compiled(request)
    assert Counting.runs == 2


@pytest.mark.parametrize(
    "flags",
    [
        {"target": "other"},
        {"build_args": ("A=1",)},
        {"labels": ("a=1",)},
        {"platforms": ("linux/arm64",)},
        {"network": "none"},
        {"add_hosts": ("a:1.2.3.4",)},
        {"ulimits": ("core=0",)},
        {"shm_size": "1"},
        {"no_cache_filter": ("a",)},
        {"allow": ("host",)},
        {"contexts": ("a=docker-image://b",)},
    ],
    ids=str,
)
def test_another_option_is_a_miss(ask: Ask, write: Write, compiled: Compile, flags: dict[str, Any]) -> None:
    directory = write({"Dockerfile": "x"})
    compiled(ask(directory))
    compiled(ask(directory, **flags))
    compiled(ask(directory, **flags))
    assert Counting.runs == 2


def test_a_tag_or_an_output_is_not_an_option_of_the_compile(ask: Ask, write: Write, compiled: Compile) -> None:
    directory = write({"Dockerfile": "x"})
    compiled(ask(directory))
    compiled(ask(directory, tags=("a",), outputs=("out",), jobs="2"))
    assert Counting.runs == 1


def test_another_version_of_the_frontend_is_a_miss(
    ask: Ask, write: Write, compiled: Compile, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = ask(write({"Dockerfile": "x"}))
    compiled(request)
    monkeypatch.setattr(Counting, "VERSION", "2")
    compiled(request)
    assert Counting.runs == 2


def test_pull_compiles_again(ask: Ask, write: Write, compiled: Compile) -> None:
    directory = write({"Dockerfile": "x"})
    compiled(ask(directory))
    compiled(ask(directory, pull=True))
    assert Counting.runs == 2


@pytest.mark.parametrize("damage", [b"", b"\xc1", b"\x93\x01\x02\x03", b"\x97" + b"\xc0" * 7, b"\x00" * 30])
def test_a_damaged_entry_is_a_miss(
    ask: Ask, write: Write, compiled: Compile, facts: MemoryFacts, damage: bytes
) -> None:
    request = ask(write({"Dockerfile": "x"}))
    compiled(request)
    for key in facts.values:
        facts.values[key] = damage
    compiled(request)
    assert Counting.runs == 2
    compiled(request)
    assert Counting.runs == 2


def test_each_platform_has_its_end(ask: Ask, write: Write, compiled: Compile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Counting, "images", 2)
    request = ask(write({"Dockerfile": "x"}))
    for found in (compiled(request), compiled(request)):
        assert [image.result for image in found.images] == ["linux/amd64", "linux/arm64"]
        assert {name for name, _ in found.definition.results} == {"linux/amd64", "linux/arm64"}
    assert Counting.runs == 1


def test_a_frontend_must_make_an_image(
    ask: Ask, write: Write, compiled: Compile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Counting, "images", 0)
    with pytest.raises(InternalError, match="no image"):
        compiled(ask(write({"Dockerfile": "x"})))


def test_what_came_from_a_pipe_is_not_kept(
    ask: Ask, write: Write, compiled: Compile, facts: MemoryFacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RecordingContext, "build_file", lambda self: ("Dockerfile", b"x"))
    found = compiled(replace(ask(write({})), build_file="-"))
    assert not found.replayable
    assert facts.values == {}


def test_an_unchanged_dockerfile_imports_no_parser(write: Write, tmp_path: Path) -> None:
    directory = write({"Dockerfile": "FROM scratch\nCOPY a /\n", "a": ""})
    code = "import sys; from ladle.core.cli.main import main; main(sys.argv[1:]); print('lark' in sys.modules)"
    said = [
        subprocess.run(
            [sys.executable, "-I", "-c", code, "compile", "-o", str(tmp_path / "x.llb"), str(directory)],
            env={"LADLE_ROOT": str(tmp_path / "store")},
            capture_output=True,
            check=True,
        ).stdout
        for _ in range(2)
    ]
    assert said == [b"True\n", b"False\n"]
