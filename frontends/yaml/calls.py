# SPDX-License-Identifier: Apache-2.0
"""What can be asked of a YAML build file beside compiling it: targets, outline, schema, lint, describe."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ladle.core.api.diagnostics import DiagnosticError
from ladle.core.api.frontend import CallResult
from ladle.frontends.yaml.arguments import arguments
from ladle.frontends.yaml.expr import shown
from ladle.frontends.yaml.include import read_build_file
from ladle.frontends.yaml.nodes import Mapping, Scalar
from ladle.frontends.yaml.schema import schema_text

if TYPE_CHECKING:
    from ladle.core.api.diagnostics import Span
    from ladle.core.api.frontend import Context
    from ladle.frontends.yaml.ast import Argument, File
    from ladle.frontends.yaml.nodes import Node

_CALLS = (
    ("frontend.lint", "lint", "Compile the build file and say what is wrong with it"),
    ("frontend.outline", "outline", "The arguments of a build file"),
    ("frontend.targets", "targets", "The targets and stages that a build file can make"),
    ("frontend.schema", "schema", "The JSON Schema of build files, for editors"),
    ("frontend.subrequests.describe", "describe", "The calls that this frontend answers"),
)
_DEFAULT = "default"


def targets(context: Context) -> CallResult:
    """Return the named targets and all stages; the one that is built without `--target` is marked."""
    file = read_build_file(context)
    default = _default(file)
    shapes = []
    for entries in (file.targets, file.stages):
        for name, entry in entries.items():
            shape: dict[str, Any] = {"name": name}
            if name == default:
                shape["default"] = True
            if text := _description(entry.value):
                shape["description"] = text
            shapes.append({**shape, "location": _location(entry.key.span)})
    rows = [("TARGET", "DESCRIPTION")]
    for shape in shapes:
        rows.append((shape["name"] + (" (default)" if shape.get("default") else ""), shape.get("description", "")))
    return CallResult(data={"targets": shapes, "sources": [_source(context)]}, text=_table(rows))


def outline(context: Context) -> CallResult:
    """Return the arguments with the values that they have in this build; raises for one that is wrong."""
    file = read_build_file(context)
    found, wrong = arguments(file, context.options.build_args)
    if wrong:
        raise DiagnosticError(wrong)
    name = context.options.target or _default(file)
    shape: dict[str, Any] = {"name": name}
    entry = file.targets.get(name) or file.stages.get(name)
    text = _description(entry.value) if entry is not None else ""
    if text:
        shape["description"] = text
    shape["args"] = [_argument(each) for each in found.values()]
    lines = [f"TARGET:      {name}"]
    if text:
        lines.append(f"DESCRIPTION: {text}")
    said = "\n".join(lines) + "\n"
    if found:
        rows = [("BUILD ARG", "TYPE", "VALUE", "DESCRIPTION")]
        for each in shape["args"]:
            rows.append((each["name"], each["type"], each.get("value", ""), each.get("description", "")))
        said += "\n" + _table(rows)
    return CallResult(data={**shape, "sources": [_source(context)]}, text=said)


def schema() -> CallResult:
    """Return the JSON Schema."""
    text = schema_text()
    return CallResult(data=json.loads(text), text=text)


def describe() -> CallResult:
    """Return the calls that are answered, in BuildKit's form."""
    shapes = [
        {
            "name": name,
            "version": "1.0.0",
            "type": "rpc",
            "description": text,
            "opts": None,
            "metadata": [{"name": "result.json"}, {"name": "result.txt"}],
        }
        for name, _, text in _CALLS
    ]
    rows = [("CALL", "DESCRIPTION"), *((short, text) for _, short, text in _CALLS)]
    return CallResult(data=shapes, text=_table(rows))


def lint(context: Context) -> CallResult:
    """Compile for all wanted platforms; raises `DiagnosticError` with all that is wrong."""
    from ladle.frontends.yaml.lower import lower

    file = read_build_file(context)
    for platform in context.options.platforms:
        lower(file, context, platform)
    return CallResult(data={"warnings": [], "sources": []}, text="Check complete, no warnings found.\n")


def _default(file: File) -> str:
    return _DEFAULT if _DEFAULT in file.targets else next(reversed(file.stages), "")


def _description(node: Node) -> str:
    found = node.get("description") if isinstance(node, Mapping) else None
    return found.text if isinstance(found, Scalar) else ""


def _argument(argument: Argument) -> dict[str, Any]:
    shape: dict[str, Any] = {"name": argument.name, "type": argument.kind}
    if argument.required:
        shape["required"] = True
    if argument.description:
        shape["description"] = argument.description
    value = "" if argument.value is None else _value(argument)
    return {**shape, **({"value": value} if value else {}), "location": _location(argument.span)}


def _value(argument: Argument) -> str:
    value = argument.value
    return ",".join(value) if isinstance(value, tuple) else shown(value if value is not None else "")


def _location(span: Span) -> dict[str, Any]:
    line = span.source.text.count("\n", 0, span.start) + 1
    return {"ranges": [{"start": {"line": line}, "end": {"line": line}}]}


def _source(context: Context) -> str:
    from base64 import b64encode

    return b64encode(context.build_file()[1]).decode()


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines) + "\n"
