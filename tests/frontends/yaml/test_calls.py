# SPDX-License-Identifier: Apache-2.0
"""What can be asked of a YAML build file beside compiling it."""

from __future__ import annotations

import json

import pytest

from ladle.core.api.diagnostics import DiagnosticError
from ladle.frontends.testing import FakeContext
from ladle.frontends.yaml.frontend import YamlFrontend

TEXT = """description: an example
args:
  version: {default: "1.0", description: what is released}
  jobs: 4
  extras: {type: list, default: [a, b]}
  token: {required: true}
stages:
  build: {from: scratch, description: compiles, steps: [{file: /a, content: x}]}
  app:
    from: scratch
    steps: [{copy: /a, from: build, to: /a}]
"""


def context(text: str = TEXT, **more: object) -> FakeContext:
    """Return a context with a build file."""
    return FakeContext(text, filename="ladle.yaml", **more)  # type: ignore[arg-type]


def test_targets_have_descriptions_and_places() -> None:
    answer = YamlFrontend().targets(context())
    assert [(each["name"], each.get("default", False)) for each in answer.data["targets"]] == [
        ("build", False),
        ("app", True),
    ]
    assert answer.data["targets"][0]["description"] == "compiles"
    assert answer.data["targets"][0]["location"]["ranges"][0]["start"] == {"line": 8}
    assert answer.text.splitlines()[1:] == ["build           compiles", "app (default)"]


def test_a_default_target_is_marked() -> None:
    answer = YamlFrontend().targets(context(TEXT + "targets: {default: build}\n"))
    assert [each["name"] for each in answer.data["targets"] if each.get("default")] == ["default"]


def test_the_outline_has_arguments_with_types_and_values() -> None:
    answer = YamlFrontend().outline(context(build_args={"jobs": "8"}))
    found = {each["name"]: each for each in answer.data["args"]}
    assert answer.data["name"] == "app"
    assert {name: each["type"] for name, each in found.items()} == {
        "version": "string",
        "jobs": "int",
        "extras": "list",
        "token": "string",
    }
    assert {name: each.get("value") for name, each in found.items()} == {
        "version": "1.0",
        "jobs": "8",
        "extras": "a,b",
        "token": None,
    }
    assert found["token"]["required"]
    assert "what is released" in answer.text
    assert "DESCRIPTION: compiles" in YamlFrontend().outline(context(target="build")).text


def test_a_wrong_argument_is_located() -> None:
    with pytest.raises(DiagnosticError) as error:
        YamlFrontend().outline(context(build_args={"jobs": "many"}))
    assert error.value.diagnostics[0].labels


def test_the_schema_is_the_file() -> None:
    answer = YamlFrontend().schema(context())
    assert answer.data["$schema"].startswith("https://json-schema.org/")
    assert json.loads(answer.text) == answer.data


def test_lint_compiles() -> None:
    assert YamlFrontend().lint(context(build_args={"token": "t"})).text.startswith("Check complete")
    with pytest.raises(DiagnosticError):
        YamlFrontend().lint(context())
    with pytest.raises(DiagnosticError):
        YamlFrontend().lint(context("stages: {a: {form: b}}"))


def test_every_call_is_described() -> None:
    frontend = YamlFrontend()
    answer = frontend.describe(context())
    short = [line.split()[0] for line in answer.text.splitlines()[1:]]
    assert short == ["lint", "outline", "targets", "schema", "describe"]
    assert all(callable(getattr(frontend, name)) for name in short)
