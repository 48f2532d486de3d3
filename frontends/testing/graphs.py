# SPDX-License-Identifier: Apache-2.0
"""Graphs in tests: as readable text, and compared, with the first op that differs named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from difflib import ndiff
from typing import TYPE_CHECKING, Any

from ladle.core.api.frontend import BuildResult
from ladle.core.api.platforms import format_platform
from ladle.frontends.testing import errors
from ladle.llb.definition import Definition
from ladle.llb.marshalling import marshal
from ladle.llb.render.text import render_text
from ladle.llb.state import State

if TYPE_CHECKING:
    from ladle.llb.vertex import Edge, Vertex


def graph_of(made: Any) -> Definition:
    """Return the definition of a definition, a state, an `Image` or a compiled build."""
    if isinstance(made, Definition):
        return made
    if isinstance(made, BuildResult):
        return marshal({format_platform(image.platform): image.state for image in made.images})
    state = getattr(made, "state", made)
    if isinstance(state, State):
        return state.marshal()
    raise errors.no_graph(type(made).__name__)


def shown(made: Any) -> str:
    """Return a graph as text: its steps, and for a compiled build what its images' containers run."""
    lines = [render_text(graph_of(made)).rstrip("\n")]
    for image in made.images if isinstance(made, BuildResult) else ():
        if config := image.config.get("config"):
            lines.append(f"config {format_platform(image.platform)} {json.dumps(config, sort_keys=True)}")
    return "\n".join(lines)


def same_graph(*graphs: Any) -> None:
    """Assert that graphs have the same digests; the error names the first op that differs."""
    __tracebackhide__ = True
    first, *others = [graph_of(graph) for graph in graphs]
    for number, other in enumerate(others, 2):
        difference = first_difference(first, other)
        if difference:  # an assert would show it twice
            raise AssertionError(f"graph {number} is not graph 1: {difference}")


def first_difference(a: Definition, b: Definition) -> str:
    """Return what differs first between two graphs, in words; an empty text where their digests are the same."""
    ends, others = dict(a.results), dict(b.results)
    if ends.keys() != others.keys():
        return f"the results are {_listed(ends)} in one and {_listed(others)} in the other"
    for name, edge in ends.items():
        difference = _edges(a, b, edge, others[name])
        if difference:
            return difference
    return ""


def _listed(results: dict[str, Edge | None]) -> str:
    return ", ".join(repr(name) for name in results)


def _edges(a: Definition, b: Definition, edge: Edge | None, other: Edge | None) -> str:
    if edge is None or other is None:
        return "" if edge is other else "one is scratch, the other is not"
    if edge == other:
        return ""
    if edge.vertex == other.vertex:
        return f"{_named(a, edge.vertex)}: output {edge.index} in one, {other.index} in the other"
    one, two = _deepest(edge.vertex, other.vertex)
    ours, theirs = list(_block(a, one)), list(_block(b, two))
    changes = [line for line in ndiff(ours, theirs) if not line.startswith("?")]
    return "\n".join([f"{_named(a, one)} differs{_place(a, one)}", *(f"    {line}" for line in changes)])


def _deepest(one: Vertex, two: Vertex) -> tuple[Vertex, Vertex]:
    """Return the first pair on the way to the sources of which the inputs are the same, or cannot be paired."""
    while len(one.inputs) == len(two.inputs):
        pairs = [(a.vertex, b.vertex) for a, b in zip(one.inputs, two.inputs, strict=True) if a.digest != b.digest]
        if not pairs or {a for a, _ in pairs} == {b for _, b in pairs}:
            break
        one, two = pairs[0]
    return one, two


def _named(definition: Definition, vertex: Vertex) -> str:
    from ladle.llb.render.labels import op_label

    name = definition.metadata_of(vertex).name
    return f"v{_number(definition, vertex)} `{op_label(vertex.op)}`" + (f" ({name})" if name else "")


def _number(definition: Definition, vertex: Vertex) -> int:
    return definition.vertices.index(vertex) + 1


def _place(definition: Definition, vertex: Vertex) -> str:
    for location in definition.locations.get(vertex.digest, ()):
        for part in location.ranges:
            return f", made for {location.source.filename}:{part.start_line}"
    return ""


def _block(definition: Definition, vertex: Vertex) -> Iterator[str]:
    """Yield the lines of one vertex in the text form, and its inputs by what they do: numbers differ by graph."""
    from ladle.llb.render.labels import op_label

    number = _number(definition, vertex)
    inside = False
    for line in render_text(definition).splitlines():
        if not line.startswith(" "):
            inside = line.startswith(f"v{number} ")
            line = line.partition(" ")[2]
        if inside and not line.lstrip().startswith("#"):
            yield line
    for position, edge in enumerate(vertex.inputs):
        yield f"   input {position}: {op_label(edge.vertex.op)} {edge.digest[7:19]}"
