# SPDX-License-Identifier: Apache-2.0
"""ladle's own frontends pass the contract that strangers' do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from ladle.frontends.builtin import BUILTIN
from ladle.frontends.dockerfile.frontend import DockerfileFrontend
from ladle.frontends.dockerfile.labs.frontend import DockerfileLabsFrontend
from ladle.frontends.python.frontend import PythonFrontend
from ladle.frontends.testing import FrontendContract
from ladle.frontends.yaml.frontend import YamlFrontend

ARGS = {"VERSION": "1", "FLAVOUR": "2", "OTHER": "3"}


class TestDockerfile(FrontendContract):
    frontend: ClassVar[Any] = DockerfileFrontend
    text = (
        "FROM debian AS made\nARG VERSION\nARG FLAVOUR\nARG OTHER\nENV A=$VERSION B=2\nLABEL x=1 y=2\n"
        "COPY . /src\nRUN --mount=type=cache,target=/var/cache make\n"
        'FROM debian\nCOPY --from=made /src /src\nEXPOSE 80 81\nVOLUME /a /b\nCMD ["/src/it"]\n'
    )
    bad = "FROM debian\nCOPI . /\nRUN --mount=type=cahce make\n"
    context: ClassVar[Mapping[str, Any]] = {"build_args": ARGS, "files": {".dockerignore": "a\nb\n"}}


class TestDockerfileLabs(TestDockerfile):
    frontend = DockerfileLabsFrontend


class TestYaml(FrontendContract):
    frontend = YamlFrontend
    text = """
args: {VERSION: "0", FLAVOUR: "0", OTHER: "0"}
stages:
  made:
    from: debian
    packages: {apt: [gcc, make, git, curl]}
    env: {A: "${{ args.VERSION }}", B: "2"}
    steps:
      - copy: [src/, lib/]
        to: /src
      - run: make
        cache: [/var/cache, /root/.cache]
  app:
    from: debian
    users: [app, web]
    steps:
      - copy: /src
        from: made
        to: /src
"""
    bad = "stages:\n  app:\n    form: debian\n    steps: [{rum: make}]\n"
    context: ClassVar[Mapping[str, Any]] = {"build_args": ARGS, "filename": "ladle.yaml"}


class TestPython(FrontendContract):
    frontend = PythonFrontend
    text = """
from ladle.frontends.python import context, image, target

@target
def made(VERSION: str = "0", FLAVOUR: str = "0"):
    return image("debian").copy(context(), "src", "/src").run(["make"], env={"A": VERSION, "B": FLAVOUR}).root

@target
def app(OTHER: str = "0"):
    return image("debian").copy(made(), "/src", "/src").add_env("OTHER", OTHER)
"""
    bad = "from ladle.frontends.python import target\n\n@target\ndef app():\n    return 1 / 0\n"
    context: ClassVar[Mapping[str, Any]] = {"build_args": ARGS, "filename": "ladle.py", "target": "app"}


@pytest.mark.parametrize("name", sorted(BUILTIN))
def test_each_of_them_is_tried_here(name: str) -> None:
    classes = [*FrontendContract.__subclasses__(), *TestDockerfile.__subclasses__()]
    assert BUILTIN[name] in {f"{each.frontend.__module__}:{each.frontend.__name__}" for each in classes}
