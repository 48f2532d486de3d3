# SPDX-License-Identifier: Apache-2.0
"""The indexed form of a graph, for programs in any language: plain maps, inputs by index, no digests.

It is the binary form field for field (docs/llb.md), with each op as a map whose `inputs` are pairs of an earlier op's
index and an output index. Who writes it need not know ladle's canonical encoding: fields come in any order, defaults
may stand, ops that nothing uses are dropped, and ops that are equal become one. Ladle alone computes digests.
"""

from __future__ import annotations

from typing import Any

from ladle.llb.codec import decode_vertex, pack, unpack
from ladle.llb.definition import Definition
from ladle.llb.errors import LLBError
from ladle.llb.limits import MAX_INPUTS, MAX_ITEMS, MAX_OPS
from ladle.llb.vertex import Edge, Vertex, topological
from ladle.llb.wire import MAGIC

_BESIDE = ("metadata", "locations")


def to_indexed(definition: Definition) -> dict[str, Any]:
    """Return the indexed form: lists, maps, texts, integers, booleans and bytes alone."""
    wire: dict[str, Any] = unpack(definition.to_bytes(), MAX_OPS)
    number = {vertex.digest: index for index, vertex in enumerate(definition.vertices)}
    wire["ops"] = [_with_indexes(vertex, number) for vertex in definition.vertices]
    return wire


def _with_indexes(vertex: Vertex, number: dict[str, int]) -> dict[str, Any]:
    op: dict[str, Any] = unpack(vertex.data, MAX_ITEMS)
    if vertex.inputs:
        op["inputs"] = [[number[edge.digest], edge.index] for edge in vertex.inputs]
    return op


def from_indexed(wire: object) -> Definition:
    """Check a graph from anywhere and return the definition; everything wrong is an `LLBError` naming the op."""
    if type(wire) is not dict or type(ops := wire.get("ops", [])) is not list or len(ops) > MAX_OPS:
        raise LLBError(f"a graph is a map with a list `ops` of at most {MAX_OPS}")
    vertices: list[Vertex] = []
    for index, op in enumerate(ops):
        try:
            vertices.append(_vertex(op, vertices))
        except LLBError as error:
            raise LLBError(f"op {index}: {error.message}") from None
    results = _results(wire.get("results", []), vertices)
    kept = list(topological(edge.vertex for edge in results if edge is not None))
    new = {vertex.digest: index for index, vertex in enumerate(kept)}
    moved = dict(wire, ops=[vertex.data for vertex in kept])
    moved.setdefault(MAGIC, 1)
    moved["results"] = [
        item[:1] if edge is None else [item[0], new[edge.digest], edge.index]
        for item, edge in sorted(zip(wire.get("results", []), results, strict=True), key=lambda pair: str(pair[0][0]))
    ]
    for name in _BESIDE:
        if name in wire:
            moved[name] = _renumbered(wire[name], name, vertices, new)
    return Definition.from_bytes(pack({name: value for name, value in moved.items() if value != []}))


def _vertex(wire: object, earlier: list[Vertex]) -> Vertex:
    if type(wire) is not dict:
        raise LLBError(f"a map was expected, not {type(wire).__name__}")
    inputs = wire.get("inputs", [])
    if type(inputs) is not list or len(inputs) > MAX_INPUTS:
        raise LLBError(f"inputs: a list of at most {MAX_INPUTS} was expected")
    edges = tuple([_edge(item, earlier) for item in inputs])
    named = dict(wire, inputs=[[edge.digest, edge.index] for edge in edges])
    op, _, platform, constraints = decode_vertex(pack(named))
    return Vertex(op=op, inputs=edges, platform=platform, constraints=constraints)


def _edge(item: object, earlier: list[Vertex]) -> Edge:
    if type(item) is not list or len(item) != 2 or type(item[0]) is not int or type(item[1]) is not int:
        raise LLBError(f"inputs: {str(item)[:80]} is not a pair of op index and output index")
    if not 0 <= item[0] < len(earlier):
        raise LLBError(f"inputs: {item[0]} is not the index of an earlier op")
    vertex = earlier[item[0]]
    if not 0 <= item[1] < vertex.op.output_count:
        raise LLBError(f"inputs: op {item[0]} has {vertex.op.output_count} outputs, there is no output {item[1]}")
    return Edge(vertex, item[1])


def _results(wire: object, vertices: list[Vertex]) -> list[Edge | None]:
    if type(wire) is not list:
        raise LLBError("results: a list was expected")
    results: list[Edge | None] = []
    for item in wire:
        if type(item) is not list or len(item) not in (1, 3) or type(item[0]) is not str:
            raise LLBError(f"results: {str(item)[:80]} is not a name, or a name, an op index and an output index")
        results.append(_edge(item[1:], vertices) if len(item) == 3 else None)
    return results


def _renumbered(wire: object, name: str, vertices: list[Vertex], new: dict[str, int]) -> list[list[Any]]:
    """Give what is said beside the ops the indexes of the ops that stay; of equal ops the first one's word counts."""
    if type(wire) is not list:
        raise LLBError(f"{name}: a list was expected")
    rows: dict[int, Any] = {}
    for item in wire:
        if type(item) is not list or len(item) != 2 or type(item[0]) is not int or not 0 <= item[0] < len(vertices):
            raise LLBError(f"{name}: {str(item)[:80]} is not an op index and what is said of it")
        index = new.get(vertices[item[0]].digest)
        if index is not None:
            rows.setdefault(index, item[1])
    return [[index, rows[index]] for index in sorted(rows)]
