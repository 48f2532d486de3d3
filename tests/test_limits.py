# SPDX-License-Identifier: Apache-2.0
"""`docs/limits.md` is true: each bound is the constant's value, each test exists, no constant is missing."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40, "s": 1}
NAMES = re.compile(r"(MAX_[A-Z_]+|[A-Z]+_LIMIT|[A-Z]+_SECONDS)")
OTHERS = {
    "core.layers.chain:OPEN_LIMIT",
    "core.layers.tarwriter:PAX_LIMIT",
    "core.progress.plain:HEARTBEAT_SECONDS",
    "core.progress.plain:STATUS_SECONDS",
}
"""Constants with such names that bound what ladle itself does."""


def rows() -> list[tuple[str, str, str, str]]:
    """Return bound, constant, code and test of each row."""
    found = []
    for line in (REPOSITORY / "docs" / "limits.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) == 5 and "`" in cells[2]:
            found.append((cells[1], cells[2].strip("`"), cells[3].strip("`"), cells[4].strip("`")))
    return found


def test_there_is_a_table() -> None:
    assert len(rows()) > 40


@pytest.mark.parametrize(("bound", "constant", "code", "test"), rows(), ids=[row[1] for row in rows()])
def test_a_row_is_true(bound: str, constant: str, code: str, test: str) -> None:
    module, _, names = constant.partition(":")
    value = importlib.import_module(f"ladle.{module}")
    first, *rest = names.split(".")
    value = getattr(value, first)
    for name in rest:  # the default of a dataclass's field
        value = value.__dataclass_fields__[name].default
    number, _, unit = bound.partition(" ")
    assert float(number.replace(",", "")) * UNITS.get(unit, 1) == value
    path, _, function = test.partition("::")
    tree = ast.parse((REPOSITORY / "tests" / path).read_text())
    assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    areas = {module.partition(".")[0], "frontends" if code.startswith("DF") else "core"}
    known = {"LLBError", "WireError", "InternalError", "none"}
    files = [file for area in areas for file in (REPOSITORY / area).rglob("*.py")]
    assert code in known or any(f'"{code}"' in file.read_text() for file in files)


def test_no_constant_is_missing() -> None:
    named = {row[1] for row in rows()} | OTHERS
    missing = []
    for folder in ("core", "llb", "frontends", "plugins"):
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            module = ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)
            for node in ast.parse(path.read_text()).body:
                targets = node.targets if isinstance(node, ast.Assign) else []
                targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
                for target in targets:
                    if isinstance(target, ast.Name) and NAMES.fullmatch(target.id):
                        missing.append(f"{module}:{target.id}")
    assert sorted(set(missing) - named) == []
