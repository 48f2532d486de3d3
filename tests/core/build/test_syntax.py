# SPDX-License-Identifier: Apache-2.0
"""Which frontend compiles a build file."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ladle.core.api.errors import UsageError
from ladle.core.api.frontend import CompileOptions
from ladle.core.build.foreign.choose import choose
from ladle.core.build.syntax import directive
from ladle.core.registry import Registry


@pytest.mark.row("DF-08")
@pytest.mark.parametrize(
    ("head", "found"),
    [
        ("# syntax=a/b:1\nFROM x\n", "a/b:1"),
        ("#syntax = a\n", "a"),
        ("# SYNTAX=a\n", "a"),
        ("  #   syntax=a\n", "a"),
        ("// syntax=a\nmain()\n", "a"),
        ("-- syntax=a\n", "a"),
        ("; syntax=a\n", "a"),
        ("#!/usr/bin/env ladle\n# syntax=a\n", "a"),
        ("\ufeff# syntax=a\n", "a"),
        ("# escape=`\n# syntax=a\n", "a"),
        ("# check=skip=all\n# syntax=a\n", "a"),
        ("# syntax=a\r\nFROM x\r\n", "a"),
        ("# syntax=./tools/x.py --fast\n", "./tools/x.py --fast"),
        ('{"syntax": "a/b:1", "x": 1}', "a/b:1"),
        ('{\n  "syntax": "a b",\n', "a b"),
        ("syntax: a # why\nstages:\n", "a"),
        ("---\nsyntax: 'a'\n", "a"),
        ("// escape=x\n// syntax=a\n", "a"),
        ("x: 1\nsyntax: a\n", ""),
        ("# syntax=a\n# syntax=b\n", "a"),
        ("", ""),
        ("FROM x\n", ""),
        ("FROM x\n# syntax=a\n", ""),
        ("# a comment\n# syntax=a\n", ""),
        ("\n# syntax=a\n", ""),
        ("#!/bin/sh\n", ""),
        ("# escape=`\nFROM x\n# syntax=a\n", ""),
        ("syntax=a\n", ""),
        ("# syntax=\n", ""),
    ],
)
def test_the_directive(head: str, found: str) -> None:
    assert directive(head.encode()) == found


def test_bytes_that_are_no_text_have_no_directive() -> None:
    assert directive(b"\xff\xfe\x00") == ""
    assert directive(b"# syntax=\xff\n") == "\ufffd"


class Frontends(Registry):
    """A registry of frontends that are detected by the end of the file's name."""

    def __init__(self, *names: str) -> None:
        super().__init__({"frontend": dict.fromkeys(names, "not:imported")})
        self.loaded: list[str] = []

    def load(self, kind: str, name: str) -> Any:
        self.loaded.append(name)

        class Detecting:
            VERSION = "1"

            @staticmethod
            def detect(path: str, head: bytes) -> bool:
                return path.endswith(f".{name}")

        return Detecting


def pick(registry: Frontends, path: str = "Dockerfile", head: bytes = b"", forced: str = "") -> str:
    request: Any = SimpleNamespace(
        syntax=forced, options=CompileOptions(), build_file="/c/Dockerfile", context="/c", contexts=()
    )
    context: Any = SimpleNamespace(build_file=lambda: (path, head), options=CompileOptions(), reads=[])
    return choose(request, context, registry, None)[1].name


def test_the_flag_comes_before_the_directive_before_the_name() -> None:
    registry = Frontends("dockerfile", "yaml", "pyapp")
    assert pick(registry, "x.yaml", b"# syntax=pyapp\n", "dockerfile") == "dockerfile"
    assert pick(registry, "x.yaml", b"# syntax=pyapp\n") == "pyapp"
    assert pick(registry, "x.yaml") == "yaml"
    assert pick(registry, "anything") == "dockerfile"


@pytest.mark.parametrize(
    "wanted",
    [
        "docker/dockerfile",
        "docker/dockerfile:1",
        "docker/dockerfile:1.7",
        "docker/dockerfile:1.7-labs",
        "docker/dockerfile:latest",
        "docker.io/docker/dockerfile:1",
        f"docker/dockerfile:1@sha256:{'a' * 64}",
        "dockerfile.v0",
    ],
)
def test_names_of_the_dockerfile_frontend(wanted: str) -> None:
    registry = Frontends("dockerfile", "yaml")
    assert pick(registry, head=f"# syntax={wanted}\n".encode()) == "dockerfile"
    assert pick(registry, forced=wanted) == "dockerfile"


@pytest.mark.parametrize(
    "wanted", ["docker/dockerfile:2", "docker/dockerfile-upstream:master", "example.org/docker/dockerfile:1", "./x.py"]
)
def test_others_are_not_its_names(wanted: str) -> None:
    with pytest.raises(UsageError) as caught:
        pick(Frontends("dockerfile", "yaml"), forced=wanted)
    assert caught.value.code == "LA0140"
    assert wanted in caught.value.message
    assert "dockerfile, yaml" in caught.value.notes[0]
    assert "frontend in a file" in caught.value.help


def test_a_near_name_is_offered() -> None:
    with pytest.raises(UsageError) as caught:
        pick(Frontends("dockerfile", "yaml"), forced="dockerfil")
    assert caught.value.help.endswith("did you mean 'dockerfile'?")
