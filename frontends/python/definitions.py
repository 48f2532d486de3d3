# SPDX-License-Identifier: Apache-2.0
"""Where a function and its parameters are written, found in the text only when something is to be said about them."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from ladle.frontends.python.sources import Place, Sources

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def def_place(sources: Sources, function: Callable[..., Any]) -> Place:
    """Return the `def NAME(…)` line of a function, decorators left out."""
    code = function.__code__
    found = _definition(sources, function)
    line = found.lineno if found is not None else code.co_firstlineno
    lines = sources.text(code.co_filename).text.split("\n")
    text = lines[line - 1] if line <= len(lines) else ""
    indent = len(text) - len(text.lstrip())
    return Place(code.co_filename, code.co_name, line, line, indent, len(text.rstrip().encode()))


def parameter_place(sources: Sources, function: Callable[..., Any], name: str) -> Place:
    """Return where a parameter with its annotation is written; the function itself if that cannot be found."""
    found = _definition(sources, function)
    if found is not None:
        parts = found.args
        every = [*parts.posonlyargs, *parts.args, *parts.kwonlyargs, parts.vararg, parts.kwarg]
        for each in every:
            if each is not None and each.arg == name:
                end, column = each.end_lineno or each.lineno, each.end_col_offset or each.col_offset
                file = function.__code__.co_filename
                return Place(file, found.name, each.lineno, end, each.col_offset, column)
    return def_place(sources, function)


def _definition(sources: Sources, function: Callable[..., Any]) -> _Function | None:
    code = function.__code__
    tree = ast.parse(sources.text(code.co_filename).text)
    for node in ast.walk(tree):
        if isinstance(node, _Function) and node.name == code.co_name:
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            if first == code.co_firstlineno:
                return node
    return None
