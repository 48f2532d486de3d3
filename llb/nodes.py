# SPDX-License-Identifier: Apache-2.0
"""Steps that have been described but not marshalled: what a `State` points to.

A node knows the outputs it reads and how to become a vertex once those are vertices. The platform that a caller
did not name is filled in then, which is why digests wait for `marshal`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypedDict

from ladle.llb.errors import LLBError
from ladle.llb.metadata import CUSTOM_NAME, Location, OpMetadata
from ladle.llb.values import dataclass
from ladle.llb.vertex import Edge, Vertex

if TYPE_CHECKING:
    from ladle.llb.definition import Definition
    from ladle.llb.ops import Op
    from ladle.llb.ops.platform import Platform
    from ladle.llb.ops.source import SourceOp


class OpOptions(TypedDict, total=False):
    """Options of every step; none but `platform` and `constraints` changes its digest.

    `name` is what progress shows; `meta` brings the rest of the metadata, on which `name` and `ignore_cache` are put.
    """

    name: str
    ignore_cache: bool
    meta: OpMetadata
    location: Location | Sequence[Location] | None
    platform: Platform | None
    constraints: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Output:
    """Output number `index` of a node."""

    node: Node
    index: int = 0


Made = Callable[["Node"], None]
"""What is told of every new step, as where in a user's program it was made is known only then."""
_made: Made | None = None


def on_made(told: Made | None) -> Made | None:
    """Have a function told of every new step from now on, None for nobody; returns the one before it."""
    global _made  # steps are made by plain calls: there is no object that could carry it
    before, _made = _made, told
    return before


class Node(ABC):
    """A step: subclasses say what it reads (`deps`) and how it becomes an op (`lower`)."""

    __slots__ = ("constraints", "deps", "locations", "metadata", "platform")

    has_platform = False
    """Whether vertices of this kind carry a platform (BuildKit: images, layouts, execs and nested builds do)."""

    def __init__(self, deps: tuple[Output | None, ...], options: OpOptions) -> None:
        self.deps = deps
        self.platform: Platform | None = None
        self.constraints: tuple[str, ...] = ()
        self.metadata: OpMetadata | None = None
        self.locations: tuple[Location, ...] = ()
        if options:
            _apply(self, options)
        if _made is not None:
            _made(self)

    @abstractmethod
    def lower(self, inputs: Inputs) -> Op:
        """Return the op; every edge that it reads is put through `inputs`."""

    def vertex(self, edges: Sequence[Edge | None], platform: Platform | None) -> Vertex:
        """Return the vertex, given an edge (None is scratch) for each of `deps`."""
        inputs = Inputs(edges)
        op = self.lower(inputs)
        where = (self.platform or platform) if self.has_platform else None
        return Vertex(op=op, inputs=tuple(inputs.edges), platform=where, constraints=self.constraints)


class Inputs:
    """The inputs of a vertex under construction: numbered as they are first used, one edge once (LLB-16)."""

    __slots__ = ("_given", "_numbers", "edges")

    def __init__(self, given: Sequence[Edge | None]) -> None:
        self._given = given
        self._numbers: dict[tuple[str, int], int] = {}
        self.edges: list[Edge] = []

    def add(self, dep: int) -> int:
        """Return the input number of dependency number `dep`; -1 for scratch."""
        edge = self._given[dep]
        if edge is None:
            return -1
        key = (edge.digest, edge.index)
        number = self._numbers.setdefault(key, len(self.edges))
        if number == len(self.edges):
            self.edges.append(edge)
        return number


class SourceNode(Node):
    """A step that reads nothing, so its op is known already."""

    __slots__ = ("has_platform", "op")

    def __init__(self, op: SourceOp, options: OpOptions, *, has_platform: bool) -> None:
        super().__init__((), options)
        self.op = op
        self.has_platform = has_platform

    def lower(self, inputs: Inputs) -> Op:  # noqa: ARG002
        """Return the op."""
        return self.op


class LateNode(Node):
    """A step whose op needs only the input numbers of its dependencies, known once it is clear which are the same."""

    __slots__ = ("has_platform", "make")

    def __init__(
        self,
        make: Callable[[list[int]], Op],
        deps: tuple[Output | None, ...],
        options: OpOptions,
        *,
        has_platform: bool = False,
    ) -> None:
        super().__init__(deps, options)
        self.make = make
        self.has_platform = has_platform

    def lower(self, inputs: Inputs) -> Op:
        """Return the op."""
        return self.make([inputs.add(dep) for dep in range(len(self.deps))])


class VertexNode(Node):
    """A vertex that was marshalled before, with the definition that says more about it and what it reads."""

    __slots__ = ("definition", "made")

    def __init__(self, made: Vertex, definition: Definition | None = None) -> None:
        super().__init__((), {})
        self.made = made
        self.definition = definition

    def lower(self, inputs: Inputs) -> Op:  # noqa: ARG002
        """Return the op of the vertex."""
        return self.made.op

    def vertex(self, edges: Sequence[Edge | None], platform: Platform | None) -> Vertex:  # noqa: ARG002
        """Return the vertex itself."""
        return self.made


def _apply(node: Node, options: OpOptions) -> None:
    unknown = options.keys() - OpOptions.__annotations__.keys()
    if unknown:
        raise LLBError(f"unknown option {sorted(unknown)[0]!r}, known are {', '.join(OpOptions.__annotations__)}")
    node.platform = options.get("platform")
    node.constraints = options.get("constraints", ())
    node.metadata = options.get("meta")
    if location := options.get("location"):
        node.locations = (location,) if isinstance(location, Location) else tuple(location)
    name, ignore = options.get("name", ""), options.get("ignore_cache", False)
    if name or ignore:
        node.metadata = _said(node.metadata or OpMetadata(), name, ignore)


def _said(meta: OpMetadata, name: str, ignore_cache: bool) -> OpMetadata:
    from dataclasses import replace

    description: Iterable[tuple[str, str]] = meta.description
    if name:
        description = sorted({**dict(description), CUSTOM_NAME: name}.items())
    return replace(meta, description=tuple(description), ignore_cache=meta.ignore_cache or ignore_cache)
