# SPDX-License-Identifier: Apache-2.0
"""The context of tests: it answers what the test said, says what it was not told, and remembers what was asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.api.frontend import HostBase, NamedContext
from ladle.core.api.platforms import parse_platform
from ladle.frontends.sdk import FunctionFrontend
from ladle.frontends.testing import FakeContext, FakeTree, graph_of
from ladle.llb import image, scratch

AMD64 = parse_platform("linux/amd64")


def test_files_come_from_the_test_then_from_the_directory(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("disk")
    (tmp_path / "d").mkdir()
    context = FakeContext("x", files={"a": "given", "b": b"given", "s/t": ""}, directory=tmp_path)
    assert context.build_file() == ("Dockerfile", b"x")
    assert [context.read(name) for name in ("a", "/b", "d", "no", "../b")] == [b"given", b"given", None, None, b"given"]
    assert context.list("") == ("a", "b", "d/", "s/")
    assert context.list("s") == ("t",)
    assert context.list("no") is None
    assert context.asset("b") == b"disk"
    with pytest.raises(BuildError, match="no file 'a' beside it"):
        context.asset("a")
    assert context.asked[:2] == ["read a", "read /b"]


def test_the_ignore_file_of_the_build_file_goes_first() -> None:
    both = {".dockerignore": "a", "x.dockerignore": "b"}
    assert FakeContext(filename="x", files=both).ignore_file() == ("x.dockerignore", b"b")
    assert FakeContext(files=both).ignore_file() == (".dockerignore", b"a")
    assert FakeContext().ignore_file() is None


def test_images_are_those_of_the_test() -> None:
    context = FakeContext(images={"busybox": {"User": "app"}})
    found = context.resolve_image("docker.io/library/busybox:latest", platform=AMD64)
    assert json.loads(found.config)["config"] == {"User": "app"}
    assert found.pinned == f"docker.io/library/busybox:latest@{found.digest}"
    with pytest.raises(BuildError) as caught:
        context.resolve_image("bussybox", platform=AMD64)
    assert caught.value.code == "FE0101"
    assert "'bussybox'" in caught.value.help


def test_without_any_said_every_image_is_a_plain_one() -> None:
    one = FakeContext().resolve_image("a", platform=AMD64)
    assert FakeContext().resolve_image("b", platform=AMD64).digest != one.digest
    assert json.loads(one.config)["config"]["Env"]


def test_what_was_not_said_is_an_error() -> None:
    context = FakeContext()
    for ask in (
        context.resolve_host,
        lambda: context.read_other("place", "x"),
        lambda: context.call("dockerfile", data=b""),
        lambda: context.solve(scratch()),
    ):
        with pytest.raises(BuildError) as caught:
            ask()
        assert caught.value.code == "FE0101"
        assert "FakeContext(" in caught.value.help
    assert context.named_context("x", platform=AMD64) is None
    assert context.source_date() is None


def test_hosts_named_contexts_and_dates_are_given() -> None:
    named = NamedContext(name="n", kind="local", local="n")
    context = FakeContext(host=HostBase(dirs=("/usr",)), contexts={"n": named}, files={"n/f": "x"}, source_date=7)
    assert context.resolve_host().dirs == ("/usr",)
    assert context.named_context("n", platform=AMD64) is named
    assert context.read_other("n", "f").data == b"x"
    assert context.read_other("", "f").data is None
    assert context.source_date() == 7


def test_solves_are_answered_in_order_and_kept() -> None:
    context = FakeContext(solved=[{"/etc/os": "debian"}, FakeTree({"a/b": b""})])
    tree = context.solve(image("a"))
    assert (tree.read("etc/os"), tree.read("/no"), tree.list()) == (b"debian", None, ("etc/",))
    assert context.solve(image("b")).list("a") == ("b",)
    assert [graph_of(state).vertices[0].op.identifier for state in context.solves] == [  # type: ignore[union-attr]
        "docker-image://docker.io/library/a:latest",
        "docker-image://docker.io/library/b:latest",
    ]


def test_a_function_can_answer_solves() -> None:
    assert (
        FakeContext(solved=lambda state: FakeTree({"is": str(state.is_scratch)})).solve(scratch()).read("is") == b"True"
    )


def test_another_frontend_can_be_called() -> None:
    def write(context: FakeContext) -> object:
        return scratch().mkfile("/it", context.build_file()[1] + context.options.target.encode())

    other = FunctionFrontend(write, name="other", version="1", files=())
    context = FakeContext(files={"f": "text"}, calls={"other": other})
    result = context.call("other", file="f", target="t")
    assert b"textt" in graph_of(result).to_bytes()
