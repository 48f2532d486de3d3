# SPDX-License-Identifier: Apache-2.0
"""From states to a definition: every step becomes a vertex once, inputs first, with an explicit stack."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ladle.llb.definition import Definition
from ladle.llb.metadata import Location, OpMetadata
from ladle.llb.nodes import Node, Output, VertexNode
from ladle.llb.vertex import Edge, Vertex

if TYPE_CHECKING:
    from ladle.llb.ops.platform import Platform
    from ladle.llb.state import State


def marshal(states: State | Mapping[str, State], *, platform: Platform | None = None) -> Definition:
    """Return the definition of one state, or of named ones (multi-platform builds name them by platform).

    `platform` is for steps that name none.
    """
    named = {"": states} if not isinstance(states, Mapping) else states
    work = _Marshal(platform)
    results = tuple((name, work.edge(state.output)) for name, state in sorted(named.items()))
    return Definition(results=results, metadata=work.metadata, locations=work.locations)


class _Marshal:
    """The vertices made so far, by node, and what is said about them, by digest."""

    def __init__(self, platform: Platform | None) -> None:
        self.platform = platform
        self.made: dict[int, Vertex] = {}
        self.metadata: dict[str, OpMetadata] = {}
        self.locations: dict[str, tuple[Location, ...]] = {}

    def edge(self, output: Output | None) -> Edge | None:
        """Return the edge of an output, after making all vertices that it needs."""
        if output is None:
            return None
        made = self.made
        stack: list[Node] = [output.node]
        while stack:
            node = stack[-1]
            if id(node) in made:
                stack.pop()
                continue
            missing = [dep.node for dep in node.deps if dep is not None and id(dep.node) not in made]
            if missing:
                missing.reverse()
                stack.extend(missing)
                continue
            stack.pop()
            made[id(node)] = self._vertex(node)
        return Edge(made[id(output.node)], output.index)

    def _vertex(self, node: Node) -> Vertex:
        made = self.made
        edges = [None if dep is None else Edge(made[id(dep.node)], dep.index) for dep in node.deps]
        vertex = node.vertex(edges, self.platform)
        self._say(vertex.digest, node.metadata, node.locations)
        if isinstance(node, VertexNode) and node.definition is not None:
            for inner in _below(vertex):
                said = node.definition.metadata.get(inner.digest)
                self._say(inner.digest, said, node.definition.locations.get(inner.digest, ()))
        return vertex

    def _say(self, digest: str, metadata: OpMetadata | None, locations: tuple[Location, ...]) -> None:
        """Note metadata and locations; vertices of one digest are one vertex, and share what is said of them."""
        if metadata is not None:
            known = self.metadata.get(digest)
            self.metadata[digest] = metadata if known is None else known.merged(metadata)
        if locations:
            before = self.locations.get(digest, ())
            self.locations[digest] = before + tuple([place for place in locations if place not in before])


def _below(vertex: Vertex) -> Iterable[Vertex]:
    from ladle.llb.vertex import topological

    return topological([vertex])
