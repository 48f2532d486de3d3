# SPDX-License-Identifier: Apache-2.0
"""Graphs as drawings: Mermaid and DOT."""

from __future__ import annotations

from collections.abc import Iterator

from ladle.llb.definition import Definition
from ladle.llb.ops import DiffOp, ExecOp, FileOp, MergeOp, SourceOp
from ladle.llb.render.labels import op_label
from ladle.llb.vertex import Vertex

_LONGEST = 60
_DOT_SHAPES = {SourceOp: "ellipse", ExecOp: "box", FileOp: "note", MergeOp: "invtriangle", DiffOp: "diamond"}


def _label(definition: Definition, vertex: Vertex) -> str:
    text = " ".join((definition.metadata_of(vertex).name or op_label(vertex.op)).split())
    text = "".join([char if char.isprintable() else "?" for char in text])
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _edges(definition: Definition, names: dict[str, str]) -> Iterator[tuple[str, str]]:
    for vertex in definition.vertices:
        for edge in vertex.inputs:
            yield names[edge.digest], names[vertex.digest]


def render_mermaid(definition: Definition) -> str:
    """Return a Mermaid flow chart, top down."""
    names = {vertex.digest: f"v{number}" for number, vertex in enumerate(definition.vertices, 1)}
    lines = ["flowchart TD"]
    for vertex in definition.vertices:
        label = _label(definition, vertex).replace("&", "#amp;").replace('"', "#quot;")
        label = label.replace("<", "#lt;").replace(">", "#gt;")
        left, right = ("([", "])") if isinstance(vertex.op, SourceOp) else ("[", "]")
        lines.append(f'  {names[vertex.digest]}{left}"{label}"{right}')
    lines += [f"  {start} --> {end}" for start, end in _edges(definition, names)]
    for number, (name, edge) in enumerate(definition.results, 1):
        lines.append(f'  r{number}{{{{"{name or "result"}"}}}}')
        if edge is not None:
            lines.append(f"  {names[edge.digest]} --> r{number}")
    return "\n".join(lines) + "\n"


def render_dot(definition: Definition) -> str:
    """Return a Graphviz graph."""
    names = {vertex.digest: f"v{number}" for number, vertex in enumerate(definition.vertices, 1)}
    lines = ["digraph llb {"]
    for vertex in definition.vertices:
        label = _label(definition, vertex).replace("\\", "\\\\").replace('"', '\\"')
        lines.append(f'  {names[vertex.digest]} [label="{label}" shape={_DOT_SHAPES.get(type(vertex.op), "hexagon")}];')
    lines += [f"  {start} -> {end};" for start, end in _edges(definition, names)]
    for number, (name, edge) in enumerate(definition.results, 1):
        label = (name or "result").replace("\\", "\\\\").replace('"', '\\"')
        lines.append(f'  r{number} [label="{label}" shape=doublecircle];')
        if edge is not None:
            lines.append(f"  {names[edge.digest]} -> r{number};")
    return "\n".join([*lines, "}"]) + "\n"
