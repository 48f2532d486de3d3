# SPDX-License-Identifier: Apache-2.0
"""Vertices: an op with the edges it reads, addressed by the digest of its bytes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from hashlib import sha256
from typing import TYPE_CHECKING

from ladle.llb.codec import encode_vertex
from ladle.llb.errors import LLBError
from ladle.llb.limits import MAX_INPUTS
from ladle.llb.values import dataclass

if TYPE_CHECKING:
    from ladle.llb.ops import Op
    from ladle.llb.ops.platform import Platform


@dataclass(frozen=True, slots=True)
class Edge:
    """Output number `index` of a vertex."""

    vertex: Vertex
    index: int = 0

    @property
    def digest(self) -> str:
        """The digest of the vertex."""
        return self.vertex.digest


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Vertex:
    """One op with its inputs. Equal and hashed by `digest`, which is computed once, from `data`.

    `data` is the canonical encoding, which holds the digests of the inputs; `foreign_digest` is the digest
    under which another system knows the vertex, and takes no part in anything.
    """

    op: Op
    inputs: tuple[Edge, ...] = ()
    platform: Platform | None = None
    constraints: tuple[str, ...] = ()
    foreign_digest: str = ""
    data: bytes = field(init=False)
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        inputs = self.inputs
        if len(inputs) > MAX_INPUTS:
            raise LLBError(f"vertex: {len(inputs)} inputs, the limit is {MAX_INPUTS}")
        for edge in inputs:
            count = edge.vertex.op.output_count
            if not 0 <= edge.index < count:
                raise LLBError(f"vertex: input {edge.digest} has no output {edge.index}, only {count}")
        self.op.check_inputs(len(inputs))
        edges = [[edge.vertex.digest, edge.index] for edge in inputs]
        data = encode_vertex(self.op, edges, self.platform, self.constraints)
        object.__setattr__(self, "data", data)
        object.__setattr__(self, "digest", "sha256:" + sha256(data).hexdigest())

    def __eq__(self, other: object) -> bool:
        return self.digest == other.digest if isinstance(other, Vertex) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"<{type(self.op).__name__} {self.digest[7:19]}>"


def topological(ends: Iterable[Vertex]) -> list[Vertex]:
    """Return every vertex that `ends` need, inputs first, each once, in an order that only the graph decides."""
    done: set[str] = set()
    order: list[Vertex] = []
    for end in ends:
        stack = [end]
        while stack:
            vertex = stack[-1]
            if vertex.digest in done:
                stack.pop()
                continue
            missing = [edge.vertex for edge in reversed(vertex.inputs) if edge.vertex.digest not in done]
            if missing:
                stack.extend(missing)
                continue
            stack.pop()
            done.add(vertex.digest)
            order.append(vertex)
    return order
