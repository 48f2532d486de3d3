# SPDX-License-Identifier: Apache-2.0
"""A marshalled graph: its results, and what is said about its vertices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from ladle.llb.errors import LLBError
from ladle.llb.metadata import Location, OpMetadata
from ladle.llb.values import dataclass
from ladle.llb.vertex import Edge, Vertex, topological

NO_METADATA = OpMetadata()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Definition:
    """A graph ready to be solved, stored or sent.

    `results` are named ends, sorted by name: one with the empty name, or one per platform id; None is scratch.
    `metadata` and `locations` are keyed by vertex digest. `vertices` are all vertices, inputs first.
    """

    results: tuple[tuple[str, Edge | None], ...]
    metadata: Mapping[str, OpMetadata] = field(default_factory=dict)
    locations: Mapping[str, tuple[Location, ...]] = field(default_factory=dict)
    vertices: tuple[Vertex, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        names = [name for name, _ in self.results]
        if names != sorted(set(names)):
            raise LLBError(f"definition: results must be sorted by unique names, got {names}")
        vertices = tuple(topological(edge.vertex for _, edge in self.results if edge is not None))
        object.__setattr__(self, "vertices", vertices)

    def __eq__(self, other: object) -> bool:
        return self.to_bytes() == other.to_bytes() if isinstance(other, Definition) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.results)

    @property
    def head(self) -> Edge | None:
        """The only result; None is scratch."""
        if len(self.results) != 1:
            raise LLBError(f"definition: {len(self.results)} results, exactly one was expected")
        return self.results[0][1]

    def result(self, name: str = "") -> Edge | None:
        """Return a result by its name; None is scratch."""
        for key, edge in self.results:
            if key == name:
                return edge
        raise LLBError(f"definition: there is no result {name!r}, only {[key for key, _ in self.results]}")

    def metadata_of(self, vertex: Vertex) -> OpMetadata:
        """Return what is said about a vertex, or the defaults."""
        return self.metadata.get(vertex.digest, NO_METADATA)

    def to_bytes(self) -> bytes:
        """Encode everything: the same bytes for the same graph, always."""
        from ladle.llb.wire import encode_definition

        return encode_definition(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> Definition:
        """Decode and check bytes from anywhere; whatever is wrong with them is an `LLBError`."""
        from ladle.llb.wire import decode_definition

        return decode_definition(data)
