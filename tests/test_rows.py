# SPDX-License-Identifier: Apache-2.0
"""docs/dockerfile.md says which test proves which row: none is missing, none is unknown."""

from __future__ import annotations

import importlib.util
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    """Return docs/generate.py as a module."""
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def data() -> dict[str, dict[str, str]]:
    """Return docs/dockerfile-rows.toml."""
    return tomllib.loads((ROOT / "docs" / "dockerfile-rows.toml").read_text(encoding="utf-8"))


def test_all_rows_have_a_title(data: Any) -> None:
    wanted = [f"DF-{number:02}" for number in range(1, 89)] + [f"CK-{number:02}" for number in range(1, 33)]
    assert list(data["rows"]) == wanted
    assert set(data["elsewhere"]) | set(data["different"]) <= set(wanted)


def test_every_row_is_proved(generate: Any, data: Any) -> None:
    proven = generate.proofs()
    missing = [row for row in data["rows"] if generate.row_state(row, data, proven) == "not proved"]
    assert missing == []


def test_marks_name_rows_that_there_are(generate: Any, data: Any) -> None:
    unknown = [row for row in generate.proofs() if row[:2] in ("DF", "CK") and row not in data["rows"]]
    assert unknown == []


def test_marks_are_found_on_tests_and_parameters(generate: Any) -> None:
    import ast

    text = (
        '@pytest.mark.row("DF-41", "DF-42")\n'
        '@pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.row("CK-01")), 2])\n'
        "def test_it(x): pass\n"
    )
    assert generate._rows_of(ast.parse(text).body[0]) == ["DF-41", "DF-42", "CK-01"]


def test_the_page_is_up_to_date(generate: Any) -> None:
    text = (ROOT / "docs" / "dockerfile.md").read_text(encoding="utf-8")
    assert generate.generated("dockerfile.md", text) == text, "run python docs/generate.py"
