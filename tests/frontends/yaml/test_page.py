# SPDX-License-Identifier: Apache-2.0
"""docs/yaml.md: its examples compile, its tables have every key of the schema, its functions are all there are."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from ladle.frontends.testing import compiled
from ladle.frontends.yaml.expr import FUNCTIONS
from ladle.frontends.yaml.frontend import YamlFrontend
from tests.support.repository import REPOSITORY

PAGE = (REPOSITORY / "docs/yaml.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
ARGUMENTS = {"token-id": "t"}


@pytest.mark.parametrize("text", EXAMPLES, ids=lambda text: text.split()[0])
def test_examples_compile(text: str) -> None:
    given = {name: value for name, value in ARGUMENTS.items() if f"{name}:" in text}
    key = b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n"
    result = compiled(YamlFrontend, text, filename="ladle.yaml", build_args=given, files={"ours.asc": key})
    assert len(result.images) == 1


def test_there_are_examples_of_every_kind_of_step() -> None:
    assert len(EXAMPLES) >= 8
    for word in ("copy:", "run:", "file:", "packages:", "matrix:", "tests:", "artifacts:", "secrets:", "if:"):
        assert any(word in text for text in EXAMPLES), word


def test_every_part_of_the_schema_has_its_table() -> None:
    schema = json.loads((REPOSITORY / "grammars/ladle-yaml.schema.json").read_text())
    shown = set(re.findall(r"^<!-- begin (\w+) -->$", PAGE, re.MULTILINE))
    with_keys = {name for name, part in schema["$defs"].items() if '"properties"' in json.dumps(part)}
    assert with_keys - {"argument"} <= shown | {"test", "stage"}
    assert {"top", "stage"} <= shown


@pytest.mark.parametrize("kind", ["names", "functions"])
def test_expressions_are_listed(kind: str) -> None:
    found: dict[str, Callable[[], set[str]]] = {
        "functions": lambda: set(re.findall(r"`(\w+)\(", PAGE)),
        "names": lambda: set(re.findall(r"`((?:build_)?platform(?:\.\w+)?)`", PAGE)),
    }
    wanted = set(FUNCTIONS) if kind == "functions" else {"platform", "platform.os", "platform.arch", "build_platform"}
    assert wanted <= found[kind]()
    if kind == "functions":
        assert found[kind]() == wanted
