# SPDX-License-Identifier: Apache-2.0
"""`--call=targets`, `--call=outline` and `--call=describe` of a program: nothing is built, no target is called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ladle.core.api.frontend import CallResult
from ladle.frontends.python.program import chosen_target, default_target, running

if TYPE_CHECKING:
    from ladle.core.api.frontend import Context
    from ladle.frontends.python.parameters import Parameter
    from ladle.frontends.python.targets import Target
    from ladle.frontends.python.work import Work

_CALLS = (
    ("frontend.lint", "lint", "Run the build file and say what is wrong with it"),
    ("frontend.outline", "outline", "The build arguments of a target"),
    ("frontend.targets", "targets", "The targets that a build file can make"),
    ("frontend.subrequests.describe", "describe", "The calls that this frontend answers"),
)


def targets(context: Context) -> CallResult:
    """Return all targets; raises `DiagnosticError`."""
    with running(context) as work:
        default = default_target(work)
        shapes = [_target(work, each, default=each is default) for each in work.targets.values()]
        rows = [("TARGET", "DESCRIPTION")]
        for shape in shapes:
            mark = " (default)" if shape.get("default") else ""
            rows.append((shape["name"] + mark, shape.get("description", "")))
        return CallResult(data={"targets": shapes, "sources": [_source(context)]}, text=_table(rows))


def outline(context: Context) -> CallResult:
    """Return the arguments of a target, and those of the targets that are called by name in the file."""
    with running(context) as work:
        target = chosen_target(work, context.options.target)
        shape = {key: value for key, value in _target(work, target, default=False).items() if key != "location"}
        shape["args"] = [_argument(work, target, each) for each in work.parameters(target)]
        lines = [f"TARGET:      {target.name}"]
        if target.description:
            lines.append(f"DESCRIPTION: {target.description}")
        text = "\n".join(lines) + "\n"
        if shape["args"]:
            rows = [("BUILD ARG", "TYPE", "VALUE")]
            rows += [(each["name"], each["type"], each.get("value", "")) for each in shape["args"]]
            text += "\n" + _table(rows)
        return CallResult(data={**shape, "sources": [_source(context)]}, text=text)


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


def _target(work: Work, target: Target[..., Any], *, default: bool) -> dict[str, Any]:
    shape: dict[str, Any] = {"name": target.name}
    if default:
        shape["default"] = True
    if target.description:
        shape["description"] = target.description
    return {**shape, "location": _location(work.target_place(target).line)}


def _argument(work: Work, target: Target[..., Any], parameter: Parameter) -> dict[str, Any]:
    shape: dict[str, Any] = {"name": parameter.name, "type": parameter.kind}
    if parameter.required:
        shape["required"] = True
    if parameter.choices:
        shape["choices"] = list(parameter.choices)
    value = work.context.options.build_args.get(parameter.name, parameter.shown_default)
    if value:
        shape["value"] = value
    span = work.parameter_span(target, parameter.name)
    return {**shape, "location": _location(span.source.text.count("\n", 0, span.start) + 1)}


def _location(line: int) -> dict[str, Any]:
    return {"ranges": [{"start": {"line": line}, "end": {"line": line}}]}


def _source(context: Context) -> str:
    from base64 import b64encode

    return b64encode(context.build_file()[1]).decode()


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines) + "\n"
