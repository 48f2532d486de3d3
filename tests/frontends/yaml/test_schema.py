# SPDX-License-Identifier: Apache-2.0
"""The schema as editors use it: a valid one, and of the same opinion as ladle's own check."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ladle.core.api.diagnostics import DiagnosticError, SourceText
from ladle.frontends.yaml.parse import parse
from ladle.frontends.yaml.schema import check, schema
from tests.frontends.yaml.test_page import EXAMPLES
from tests.support.repository import REPOSITORY

WHOLE: Any = schema()
VALIDATOR = jsonschema.Draft202012Validator(WHOLE)
FILES = sorted([*REPOSITORY.glob("examples/**/ladle.yaml"), *REPOSITORY.glob("tests/cases/yaml/*.ladle.yaml")])


def both(text: str) -> tuple[bool, bool]:
    """Return whether an editor and whether ladle find a text in order."""
    try:
        ours = not check(parse(SourceText("ladle.yaml", text)))
    except DiagnosticError:
        ours = False
    return VALIDATOR.is_valid(yaml.safe_load(text)), ours


def test_it_is_a_schema_with_a_text_for_every_key() -> None:
    jsonschema.Draft202012Validator.check_schema(WHOLE)
    for part in (WHOLE, *WHOLE["$defs"].values()):
        for name, said in part.get("properties", {}).items():
            assert said.get("description") or "$ref" in said, name


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_build_files_fit(path: Path) -> None:
    assert both(path.read_text(encoding="utf-8")) == (True, True)


@pytest.mark.parametrize("text", EXAMPLES, ids=lambda text: text.split()[0])
def test_examples_fit(text: str) -> None:
    assert both(text) == (True, True)


@pytest.mark.parametrize(
    "text",
    [
        "stages: {}",
        "stages: []",
        "stages: {a: {form: x}}",
        "stages: {a: {steps: [{}]}}",
        "stages: {a: {steps: [{run: [x], network: moon}]}}",
        "stages: {a: {steps: [{copy: x}]}}",
        "stages: {a: {users: [{name: 'A b'}]}}",
        "stages: {a: {users: [{name: x, uid: -1}]}}",
        "stages: {a: {image: {ports: {}}}}",
        "args: {a: {type: float}}",
        "platforms: []",
        "unknown: 1",
    ],
)
def test_mistakes_are_mistakes_to_both(text: str) -> None:
    assert both(text) == (False, False)


WORDS = st.sampled_from(
    [
        "run",
        "copy",
        "to",
        "from",
        "steps",
        "stages",
        "args",
        "a",
        "scratch",
        "file",
        "content",
        "env",
        "packages",
        "apt",
    ]
)
VALUES = st.recursive(
    WORDS,  # to ladle every value is a text too, `false` and 1 as well
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150)
@given(st.dictionaries(st.sampled_from(["steps", "env", "from", "packages", "user"]), VALUES, max_size=3))
def test_what_ladle_takes_an_editor_takes(stage: dict[str, Any]) -> None:
    editors, ours = both(yaml.safe_dump({"stages": {"a": stage}}))
    assert editors or not ours
