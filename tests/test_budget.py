# SPDX-License-Identifier: Apache-2.0
"""The budget of the code: how long files and functions may be, and what every file begins with."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache

from tests.support.repository import FOLDERS, REPOSITORY, tracked

LICENSED = ("*.py", "*.lark", "*.toml", "*.yml", "*.yaml", "check", ".ci/*", ":!tests/cases", ":!examples")
MARKS = re.compile("|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "NotImplemented" + "Error"]))


@cache
def python() -> dict[str, str]:
    """Return the text of every Python file of the repository."""
    return {name: text(name) for name in tracked("*.py", ":!tests/cases")}


@cache
def parsed(name: str) -> ast.Module:
    return ast.parse(python()[name])


def text(name: str) -> str:
    return (REPOSITORY / name).read_text(encoding="utf-8")


def functions(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def test_there_is_something_to_check() -> None:
    assert {"core/cli/main.py", "tests/test_budget.py", "llb/state.py"} <= python().keys()
    assert {"check", "pyproject.toml", "grammars/dockerfile.lark"} <= set(tracked(*LICENSED))


def test_files_are_short() -> None:
    sizes = {name: source.count("\n") for name, source in python().items()}
    assert not {name: size for name, size in sizes.items() if size > (500 if name.startswith("tests/") else 600)}
    ordered = sorted(sizes.values())
    assert ordered[len(ordered) // 2] <= 150
    assert ordered[len(ordered) * 9 // 10] <= 350


def test_functions_are_short() -> None:
    found = [(name, *function) for name in python() for function in functions(parsed(name))]
    assert not [each for each in found if each[2] > (60 if each[0].startswith("tests/") else 70)]
    ordered = sorted(length for _, _, length in found)
    assert ordered[len(ordered) * 9 // 10] <= 25


def test_every_module_says_what_it_is_for() -> None:
    assert not [name for name in python() if not ast.get_docstring(parsed(name))]


def test_nothing_is_imported_by_a_folders_bare_name() -> None:
    found = [(name, module) for name in python() for module in imports(parsed(name))]
    assert not [(name, module) for name, module in found if module.lstrip(".").split(".")[0] in FOLDERS]


def test_every_file_names_its_license() -> None:
    names = tracked(*LICENSED)
    assert not [name for name in names if "SPDX-License-Identifier: Apache-2.0" not in text(name)[:200]]


def test_nothing_is_left_to_do() -> None:
    names = tracked(*LICENSED, "*.md")
    assert not [(name, mark) for name in names for mark in MARKS.findall(text(name))]
