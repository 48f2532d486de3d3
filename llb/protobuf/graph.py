# SPDX-License-Identifier: Apache-2.0
"""Whole definitions as BuildKit's `pb.Definition`, and as the lines of `buildctl debug dump-llb`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ladle.llb.definition import Definition
from ladle.llb.errors import LLBError
from ladle.llb.limits import MAX_DEFINITION_BYTES, MAX_OPS
from ladle.llb.metadata import Location, OpMetadata
from ladle.llb.ops.build import BuildOp
from ladle.llb.ops.source import SourceOp
from ladle.llb.protobuf.kinds import as_text, expect, last_bytes
from ladle.llb.protobuf.ops import PbOp, digest_of
from ladle.llb.protobuf.sources import decode_sources, encode_sources
from ladle.llb.protobuf.tables import METADATA
from ladle.llb.protobuf.varint import read_fields, write_field
from ladle.llb.vertex import Edge, Vertex, topological

HEAD_METADATA = OpMetadata(caps=("constraints", "meta.description", "platform"))
MAX_NESTING = 16
SCHEMES = (
    "docker-image",
    "docker-image+blob",
    "git",
    "http",
    "https",
    "local",
    "oci-layout",
    "oci-layout+blob",
)
"""The sources that BuildKit has (FEATURES LLB-21)."""


def pb_ops(definition: Definition, name: str = "") -> Iterator[tuple[PbOp, bytes, Vertex | None]]:
    """Yield the ops of one result in order, each with its bytes; last the head, unless the result is scratch."""
    end = definition.result(name)
    if end is None:
        return
    digests: dict[str, str] = {}
    for vertex in topological([end.vertex]):
        op = vertex.op
        if isinstance(op, BuildOp) and op.definition:
            op = replace(op, definition=to_protobuf(Definition.from_bytes(op.definition)))
        inputs = tuple([(digests[edge.vertex.digest], edge.index) for edge in vertex.inputs])
        made = PbOp(op=op, inputs=inputs, platform=vertex.platform, constraints=vertex.constraints)
        data = made.to_bytes()
        digests[vertex.digest] = digest_of(data)
        yield made, data, vertex
    head = PbOp(inputs=((digests[end.digest], end.index),))
    yield head, head.to_bytes(), None


def to_protobuf(definition: Definition, name: str = "") -> bytes:
    """Return one result as the bytes of a `pb.Definition`, as `buildctl build` reads them."""
    ops, entries = [], []
    locations: dict[str, tuple[Location, ...]] = {}
    for _, data, vertex in pb_ops(definition, name):
        digest = digest_of(data)
        said = HEAD_METADATA if vertex is None else definition.metadata_of(vertex)
        if vertex is not None and vertex.digest in definition.locations:
            locations[digest] = definition.locations[vertex.digest]
        ops.append(write_field(1, data))
        entries.append((digest, write_field(1, digest.encode()) + METADATA.write(2, said)))
    source = encode_sources(locations)
    parts = [*ops, *[write_field(2, entry) for _, entry in sorted(entries)]]
    return b"".join(parts) + (write_field(3, source) if source else b"")


def check_for_buildkit(definition: Definition) -> None:
    """Raise `LLBError` for what only ladle can build, and no BuildKit that is given the bytes."""
    for vertex in definition.vertices:
        op = vertex.op
        if isinstance(op, SourceOp) and op.scheme not in SCHEMES:
            raise LLBError(f"BuildKit has no source {op.identifier!r}: only ladle knows {op.scheme}://")


def from_protobuf(data: bytes, *, _nesting: int = 0) -> Definition:
    """Check and decode a `pb.Definition` from anywhere; ops may come in any order, but for the head, which is last."""
    if len(data) > MAX_DEFINITION_BYTES:
        raise LLBError(f"definition of {len(data)} bytes is beyond the limit of {MAX_DEFINITION_BYTES}")
    if _nesting > MAX_NESTING:
        raise LLBError(f"definitions inside definitions are deeper than {MAX_NESTING}")
    ops: list[bytes] = []
    metadata: dict[str, OpMetadata] = {}
    locations: Mapping[str, tuple[Location, ...]] = {}
    for number, raw in read_fields(data):
        body = last_bytes([raw])
        if number == 1:
            ops.append(body)
        elif number == 2:
            digest, said = _metadata_entry(body)
            metadata[digest] = said
        elif number == 3:
            locations = decode_sources(body)
        else:
            raise LLBError(f"protobuf: a definition has the unknown field {number}")
    if len(ops) > MAX_OPS:
        raise LLBError(f"{len(ops)} ops are beyond the limit of {MAX_OPS}")
    pairs = [(digest_of(item), _nested(PbOp.from_bytes(item), _nesting)) for item in ops]
    return _assemble(pairs, metadata, locations)


def _nested(made: PbOp, nesting: int) -> PbOp:
    if isinstance(made.op, BuildOp) and made.op.definition:
        inner = from_protobuf(made.op.definition, _nesting=nesting + 1)
        return replace(made, op=replace(made.op, definition=inner.to_bytes()))
    return made


def _metadata_entry(data: bytes) -> tuple[str, OpMetadata]:
    digest, said = "", OpMetadata()
    for number, raw in read_fields(data):
        if number == 1:
            digest = as_text(last_bytes([raw]))
        elif number == 2:
            said = METADATA.read([raw])
        else:
            raise LLBError(f"protobuf: a metadata entry has the unknown field {number}")
    return digest, said


def to_json_llb(definition: Definition, name: str = "") -> list[dict[str, Any]]:
    """Return one result as the objects of `buildctl debug dump-llb`, one for each op, the head last."""
    lines = []
    for made, data, vertex in pb_ops(definition, name):
        said = HEAD_METADATA if vertex is None else definition.metadata_of(vertex)
        shown = METADATA.to_json(said)
        lines.append({"Op": made.to_json(), "Digest": digest_of(data), "OpMetadata": shown})
    return lines


def from_json_llb(lines: Iterable[Mapping[str, Any]]) -> Definition:
    """Check and decode the objects of `buildctl debug dump-llb`. Digests are computed, never believed."""
    pairs: list[tuple[str, PbOp]] = []
    metadata: dict[str, OpMetadata] = {}
    for line in lines:
        made = PbOp.from_json(expect(dict, line).get("Op"))
        digest = digest_of(made.to_bytes())
        if digest != line.get("Digest", digest):
            raise LLBError(f"op {len(pairs)} has the digest {digest}, not {line['Digest']}")
        pairs.append((digest, made))
        metadata[digest] = METADATA.from_json(line.get("OpMetadata") or {})
    return _assemble(pairs, metadata, {})


def _assemble(
    pairs: list[tuple[str, PbOp]], metadata: Mapping[str, OpMetadata], locations: Mapping[str, tuple[Location, ...]]
) -> Definition:
    """Put ops together to a definition; what the head does not need drops out."""
    if not pairs:
        return Definition(results=(("", None),))
    head = pairs[-1][1]
    if head.op is not None or len(head.inputs) != 1:
        raise LLBError("the last op of a definition must have one input and nothing else: the result")
    made = _vertices(dict(pairs[:-1]))
    digest, index = head.inputs[0]
    if digest not in made:
        raise LLBError(f"the result {digest!r} is not an op of the definition")
    end = made[digest]
    if not 0 <= index < end.op.output_count:
        raise LLBError(f"the result names output {index}, there are {end.op.output_count}")
    kept = {vertex.digest for vertex in topological([end])}
    said: dict[str, OpMetadata] = {}
    places: dict[str, tuple[Location, ...]] = {}
    for foreign, vertex in made.items():
        if vertex.digest in kept:
            if foreign in metadata:
                known = said.get(vertex.digest)
                said[vertex.digest] = metadata[foreign] if known is None else known.merged(metadata[foreign])
            if foreign in locations:
                places[vertex.digest] = places.get(vertex.digest, ()) + locations[foreign]
    return Definition(results=(("", Edge(end, index)),), metadata=said, locations=places)


def _vertices(ops: dict[str, PbOp]) -> dict[str, Vertex]:
    """Make all vertices, inputs first; a digest cannot hold itself, so this ends."""
    made: dict[str, Vertex] = {}
    for start in ops:
        stack = [start]
        while stack:
            digest = stack[-1]
            if digest in made:
                stack.pop()
                continue
            item = ops[digest]
            missing = [key for key, _ in item.inputs if key not in made]
            for key in missing:
                if key not in ops:
                    raise LLBError(f"input {key!r} is not an op of the definition")
            if missing:
                stack.extend(missing)
                continue
            if item.op is None:
                raise LLBError(f"op {digest} is of no kind")
            edges = tuple([Edge(made[key], index) for key, index in item.inputs])
            made[digest] = Vertex(
                op=item.op,
                inputs=edges,
                platform=item.platform,
                constraints=item.constraints or (),
                foreign_digest=digest,
            )
            stack.pop()
    return made
