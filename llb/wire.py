# SPDX-License-Identifier: Apache-2.0
"""The envelope of a definition: version, ops, results, and what is said beside them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from ladle.llb.codec import decode_vertex, pack, unpack
from ladle.llb.definition import Definition
from ladle.llb.errors import LLBError
from ladle.llb.kinds import TEXT
from ladle.llb.limits import MAX_DEFINITION_BYTES, MAX_OPS, MAX_RANGES, MAX_RESULTS, MAX_SOURCES
from ladle.llb.metadata import Location, OpMetadata, SourceInfo
from ladle.llb.schema import METADATA, RANGE, SOURCE_INFO, VERSION
from ladle.llb.vertex import Edge, Vertex

T = TypeVar("T")
MAGIC = "ladle.llb"
_FIELDS = (MAGIC, "ops", "results", "metadata", "sources", "locations")


def encode_definition(definition: Definition) -> bytes:
    """Return the canonical bytes of a definition."""
    vertices = definition.vertices
    number = {vertex.digest: index for index, vertex in enumerate(vertices)}
    infos: dict[SourceInfo, int] = {}
    metadata: list[Any] = []
    locations: list[Any] = []
    for index, vertex in enumerate(vertices):
        if (said := definition.metadata.get(vertex.digest)) is not None and (body := METADATA.encode(said)):
            metadata.append([index, body])
        if places := definition.locations.get(vertex.digest):
            rows = [[infos.setdefault(place.source, len(infos)), _encode_ranges(place)] for place in places]
            locations.append([index, rows])
    results = [[name] if edge is None else [name, number[edge.digest], edge.index] for name, edge in definition.results]
    wire = {MAGIC: VERSION, "ops": [vertex.data for vertex in vertices], "results": results}
    rest = {"metadata": metadata, "sources": [SOURCE_INFO.encode(info) for info in infos], "locations": locations}
    data = pack(wire | {name: value for name, value in rest.items() if value})
    if len(data) > MAX_DEFINITION_BYTES:
        raise LLBError(f"definition of {len(data)} bytes is beyond the limit of {MAX_DEFINITION_BYTES}")
    return data


def _encode_ranges(place: Location) -> list[dict[str, Any]]:
    return [RANGE.encode(item) for item in place.ranges]


def decode_definition(data: bytes) -> Definition:
    """Check bytes from anywhere and return the definition; everything wrong is an `LLBError`."""
    if len(data) > MAX_DEFINITION_BYTES:
        raise LLBError(f"definition of {len(data)} bytes is beyond the limit of {MAX_DEFINITION_BYTES}")
    wire = unpack(data, max(MAX_OPS, MAX_RANGES))
    if type(wire) is not dict or MAGIC not in wire:
        raise LLBError("the bytes are not a ladle definition")
    if type(wire[MAGIC]) is not int or wire[MAGIC] != VERSION:
        raise LLBError(f"definition of version {wire[MAGIC]!r}, this ladle reads version {VERSION}")
    for name in wire:
        if name not in _FIELDS:
            raise LLBError(f"definition has no field {name!r}")
    vertices = _decode_vertices(_list(wire, "ops", MAX_OPS))
    infos = [SOURCE_INFO.decode(item) for item in _list(wire, "sources", MAX_SOURCES)]
    definition = Definition(
        results=_decode_results(_list(wire, "results", MAX_RESULTS), vertices),
        metadata=_decode_metadata(_list(wire, "metadata", MAX_OPS), vertices),
        locations=_decode_locations(_list(wire, "locations", MAX_OPS), vertices, infos),
    )
    if len(definition.vertices) != len(vertices):
        raise LLBError(f"{len(vertices) - len(definition.vertices)} ops are used by no result")
    return definition


def _list(wire: dict[str, Any], name: str, longest: int) -> list[Any]:
    value = wire.get(name, [])
    if type(value) is not list or len(value) > longest:
        raise LLBError(f"{name}: a list of at most {longest} was expected")
    return value


def _decode_vertices(wire: list[Any]) -> list[Vertex]:
    known: dict[str, Vertex] = {}
    for index, data in enumerate(wire):
        try:
            if type(data) is not bytes:
                raise LLBError(f"{type(data).__name__} instead of bytes")
            op, inputs, platform, constraints = decode_vertex(data)
            edges = tuple([Edge(_find(known, digest), output) for digest, output in inputs])
            vertex = Vertex(op=op, inputs=edges, platform=platform, constraints=constraints)
            if vertex.data != data:
                raise LLBError("the encoding is not canonical")
            if vertex.digest in known:
                raise LLBError(f"{vertex.digest} is there twice")
        except LLBError as error:
            raise LLBError(f"op {index}: {error.message}") from None
        known[vertex.digest] = vertex
    return list(known.values())


def _find(known: dict[str, Vertex], digest: str) -> Vertex:
    vertex = known.get(digest)
    if vertex is None:
        raise LLBError(f"input {digest!r} is not an earlier op")
    return vertex


def _decode_results(wire: list[Any], vertices: list[Vertex]) -> tuple[tuple[str, Edge | None], ...]:
    results: list[tuple[str, Edge | None]] = []
    for item in wire:
        if type(item) is not list or len(item) not in (1, 3):
            raise LLBError(f"results: {item!r} is not a name, op and output")
        name = TEXT.decode(item[0])
        edge = None
        if len(item) == 3:
            vertex = _at(item[1], vertices, "results")
            if type(item[2]) is not int or not 0 <= item[2] < vertex.op.output_count:
                raise LLBError(f"results: {name!r} names output {item[2]!r}, there are {vertex.op.output_count}")
            edge = Edge(vertex, item[2])
        results.append((name, edge))
    return tuple(results)


def _rows(wire: list[Any], vertices: list[Vertex], name: str) -> Iterator[tuple[Vertex, Any]]:
    before = -1
    for item in wire:
        if type(item) is not list or len(item) != 2:
            raise LLBError(f"{name}: {item!r} is not a pair")
        vertex = _at(item[0], vertices, name)
        if item[0] <= before:
            raise LLBError(f"{name}: op {item[0]} follows op {before}")
        before = item[0]
        yield vertex, item[1]


def _decode_metadata(wire: list[Any], vertices: list[Vertex]) -> dict[str, OpMetadata]:
    return {vertex.digest: METADATA.decode(body) for vertex, body in _rows(wire, vertices, "metadata")}


def _decode_locations(
    wire: list[Any], vertices: list[Vertex], infos: list[SourceInfo]
) -> dict[str, tuple[Location, ...]]:
    locations: dict[str, tuple[Location, ...]] = {}
    for vertex, rows in _rows(wire, vertices, "locations"):
        places = []
        for row in rows if type(rows) is list else [rows]:
            if type(row) is not list or len(row) != 2 or type(row[1]) is not list:
                raise LLBError(f"locations: {row!r} is not a source and ranges")
            ranges = tuple([RANGE.decode(item) for item in row[1]])
            places.append(Location(source=_at(row[0], infos, "locations"), ranges=ranges))
        locations[vertex.digest] = tuple(places)
    return locations


def _at(index: object, items: list[T], name: str) -> T:
    if type(index) is not int or not 0 <= index < len(items):
        raise LLBError(f"{name}: {index!r} is not one of {len(items)}")
    return items[index]
