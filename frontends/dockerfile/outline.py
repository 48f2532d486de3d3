# SPDX-License-Identifier: Apache-2.0
"""`--call=outline`, `--call=targets` and `--call=describe`: what a file takes and what it can make (CK-27 to CK-30)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any

from ladle.core.api.diagnostics import DiagnosticError
from ladle.core.api.frontend import CallResult
from ladle.core.api.platforms import format_platform
from ladle.frontends.dockerfile import stages
from ladle.frontends.dockerfile.ast import Arg, Dockerfile, Instruction, Run, Word
from ladle.frontends.dockerfile.labs.reading import read_build_file
from ladle.frontends.dockerfile.lower import survey
from ladle.frontends.dockerfile.mounts import parse_mount
from ladle.frontends.dockerfile.places import encoded, location
from ladle.frontends.dockerfile.stages import Stage
from ladle.frontends.dockerfile.words import WordError, expansion
from ladle.llb.values import dataclass

if TYPE_CHECKING:
    from ladle.core.api.frontend import Context
    from ladle.frontends.dockerfile.work import Build

_CALLS = (
    ("frontend.outline", "outline", "The arguments, secrets and other inputs of a build target"),
    ("frontend.targets", "targets", "The targets that a build file can make"),
    ("frontend.lint", "check", "The checks of a build file"),
    ("frontend.subrequests.describe", "describe", "The calls that this frontend answers"),
)


@dataclass(slots=True)
class _Inputs:
    """What the instructions of a target take, each by name or id."""

    args: dict[str, dict[str, Any]] = field(default_factory=dict)
    secrets: dict[str, dict[str, Any]] = field(default_factory=dict)
    ssh: dict[str, dict[str, Any]] = field(default_factory=dict)
    caches: dict[str, dict[str, Any]] = field(default_factory=dict)


def outline(context: Context, *, labs: bool = False) -> CallResult:
    """Return the inputs of the target and of every stage that it needs; raises `DiagnosticError`."""
    file = read_build_file(context, labs=labs)
    build, graph = survey(file, context, context.options.platforms[0])
    target = graph.target(context.options.target)
    if target is None or build.errors:
        raise DiagnosticError(build.errors or [stages.unknown_target(graph, context.options.target, file)])
    inputs = _Inputs()
    wanted = stages.needed(target)
    reached = [stage for stage in graph.stages if stage in wanted]
    _global_args(inputs, file, build, reached)
    for stage in reached:
        for node in stage.instructions[stage.triggers :]:
            _take(inputs, node, build, stage)
    shape: dict[str, Any] = {}
    if target.name:
        shape["name"] = target.name
    if target.source is not None and (text := description(target.source, target.name)):
        shape["description"] = text
    for key, values in (
        ("args", inputs.args),
        ("secrets", inputs.secrets),
        ("ssh", inputs.ssh),
        ("cache", inputs.caches),
    ):
        if values:
            shape[key] = list(values.values())
    return CallResult(data={**shape, "sources": [encoded(file.source)]}, text=_outline_text(shape))


def _global_args(inputs: _Inputs, file: Dockerfile, build: Build, reached: list[Stage]) -> None:
    """Take those ARGs before the first FROM that the target's FROM lines use."""
    used: set[str] = set()
    for stage in reached:
        if stage.source is not None:
            flag = stage.source.flag("platform")
            used |= _names([stage.source.base, *([flag] if flag else [])], build)
            used |= {pair.name.text for node in stage.instructions if isinstance(node, Arg) for pair in node.pairs}
    nodes = stages.global_args(file)
    for node in reversed(nodes):
        for pair in node.pairs:
            if pair.name.text in used and pair.value is not None:
                used |= _names([pair.value], build)
    for node in nodes:
        for pair in node.pairs:
            if pair.name.text in used:
                inputs.args[pair.name.text] = _arg(node, pair.name.text, build.global_values.get(pair.name.text))


def _names(words: Iterable[Word], build: Build) -> set[str]:
    """Return the variables that words use."""
    found: set[str] = set()
    for word in words:
        try:
            found |= expansion(word.text, {}, build.style).unset
        except WordError:
            continue  # `${NAME:?}`: lowering has said so
    return found


def _take(inputs: _Inputs, node: Instruction, build: Build, stage: Stage) -> None:
    if isinstance(node, Arg):
        for pair in node.pairs:
            name = pair.name.text
            work = build.works.get(stage)
            value = work.arguments.get(name) if work else None
            shape = _arg(node, name, value)
            before = inputs.args.get(name)
            if before is None or ("value" not in before and "value" in shape):
                inputs.args[name] = shape
            elif "description" not in before and "description" in shape:
                before["description"] = shape["description"]
    if isinstance(node, Run):
        for word in node.words_of("mount"):
            asked = parse_mount(word, build.facts.text)
            here = location(*node.lines)
            if asked.kind in ("secret", "ssh"):
                key = asked.id or (asked.target or asked.source).rpartition("/")[2] or "default"
                kept = (inputs.secrets if asked.kind == "secret" else inputs.ssh).setdefault(key, {"name": key})
                kept.update({"required": True} if asked.required else {})
                kept.setdefault("location", here)
            elif asked.kind == "cache":
                key = asked.id or asked.target
                inputs.caches.setdefault(key, {"ID": key, "location": here})


def _arg(node: Arg, name: str, value: str | None) -> dict[str, Any]:
    shape: dict[str, Any] = {"name": name}
    if text := description(node, name):
        shape["description"] = text
    if value:
        shape["value"] = value
    return {**shape, "location": location(*node.lines)}


def description(node: Instruction, name: str) -> str:
    """Return what the remark above says of a name: `# NAME what it is for`."""
    for comment in reversed(node.comments):
        word, _, text = comment.partition(" ")
        if name and word.lower() == name.lower() and text.strip():
            return text.strip()
    return ""


def targets(context: Context, *, labs: bool = False) -> CallResult:
    """Return all stages; raises `DiagnosticError` where they do not fit together."""
    file = read_build_file(context, labs=labs)
    graph = stages.stage_graph(file, *_values(file, context))
    last = len(graph.stages) - 1
    shapes = [_target(stage, default=stage.index == last) for stage in graph.stages]
    shapes = [shape for shape in shapes if shape.get("name") or shape.get("default")]
    data_ = {"targets": shapes, "sources": [encoded(file.source)]}
    rows = [("TARGET", "DESCRIPTION")]
    for shape in shapes:
        shown = shape.get("name", "")
        if shape.get("default"):
            shown = f"{shown} (default)".lstrip()
        rows.append((shown, shape.get("description", "")))
    return CallResult(data=data_, text=_table(rows))


def _values(file: Dockerfile, context: Context) -> tuple[dict[str, str], Any]:
    from ladle.frontends.dockerfile.arguments import global_arguments, platform_arguments
    from ladle.frontends.dockerfile.words import Style

    options = context.options
    platform = options.platforms[0]
    style = Style(escape=file.escape)
    named = options.target or stages.last_stage_name(file)
    start = platform_arguments(options.build_platform or platform, platform, named, options.build_args)
    return global_arguments(stages.global_args(file), start, options.build_args, style), style


def _target(stage: Stage, *, default: bool) -> dict[str, Any]:
    shape: dict[str, Any] = {}
    if stage.name:
        shape["name"] = stage.name
    if default:
        shape["default"] = True
    if stage.source is not None and (text := description(stage.source, stage.name)):
        shape["description"] = text
    shape["base"] = stage.base_name
    if stage.platform is not None:
        shape["platform"] = format_platform(stage.platform)
    if stage.source is not None:
        shape["location"] = location(*stage.source.lines)
    return shape


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
    return CallResult(
        data=shapes, text=_table([("CALL", "DESCRIPTION"), *((short, text) for _, short, text in _CALLS)])
    )


def _outline_text(shape: dict[str, Any]) -> str:
    return "\n".join(_outline_parts(shape))


def _outline_parts(shape: dict[str, Any]) -> Iterator[str]:
    if shape.get("name") or shape.get("description"):
        yield f"TARGET:      {shape.get('name', '')}".rstrip()
        if shape.get("description"):
            yield f"DESCRIPTION: {shape['description']}"
        yield ""
    if "args" in shape:
        rows = [("BUILD ARG", "VALUE", "DESCRIPTION")]
        rows += [(each["name"], each.get("value", ""), each.get("description", "")) for each in shape["args"]]
        yield _table(rows)
    for key, head in (("secrets", "SECRET"), ("ssh", "SSH")):
        if key in shape:
            rows_ = [(each["name"], "true" if each.get("required") else "") for each in shape[key]]
            yield _table([(head, "REQUIRED"), *rows_])
    if "cache" in shape:
        yield _table([("CACHE MOUNT",), *((each["ID"],) for each in shape["cache"])])


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines) + "\n"
