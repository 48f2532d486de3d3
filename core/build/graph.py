# SPDX-License-Identifier: Apache-2.0
"""A definition as the solver sees it: vertices with names, and a runner for each."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ladle.core.api.errors import BuildError
from ladle.core.build.entitlements import check_entitlements
from ladle.core.build.outcome import StepError, excerpt
from ladle.core.build.runners.build import BuildRunner
from ladle.core.build.runners.compose import DiffRunner, MergeRunner, PassthroughRunner
from ladle.core.build.runners.exec import ExecRunner
from ladle.core.build.runners.file import FileRunner
from ladle.core.build.runners.source import SourceRunner
from ladle.core.progress.lines import one_line
from ladle.llb.ops import BuildOp, DiffOp, ExecOp, FileOp, MergeOp, PassthroughOp, SourceOp

if TYPE_CHECKING:
    from ladle.core.api.records import Record
    from ladle.core.build.runners.environment import Environment
    from ladle.llb.definition import Definition
    from ladle.llb.vertex import Vertex

_RUNNERS: dict[type, Any] = {
    SourceOp: SourceRunner,
    ExecOp: ExecRunner,
    FileOp: FileRunner,
    MergeOp: MergeRunner,
    DiffOp: DiffRunner,
    PassthroughOp: PassthroughRunner,
    BuildOp: BuildRunner,
}
_LOOKED_AT = ("local", "docker-image", "oci-layout", "host")
"""Schemes of roots of which a cached build itself sees whether they have changed; of a stranger's nobody knows."""


@dataclass(frozen=True, slots=True)
class GraphVertex:
    """One vertex as the solver sees it."""

    digest: str
    name: str
    inputs: tuple[tuple[str, int], ...]
    ignore_cache: bool
    fresh_since: float = 0.0


class Graph:
    """The vertices of a definition by digest, inputs first, and the factory of their runners."""

    def __init__(
        self, definition: Definition, environment: Environment, *, no_cache: bool = False, now: float = 0.0
    ) -> None:
        """`now` is the time from which the age of results is counted."""
        self.definition = definition
        self._environment = environment
        self._vertices = {vertex.digest: vertex for vertex in definition.vertices}
        self.vertices: dict[str, GraphVertex] = {
            vertex.digest: GraphVertex(
                vertex.digest,
                self.name_of(vertex),
                tuple((edge.vertex.digest, edge.index) for edge in vertex.inputs),
                self._runs_anew(vertex, no_cache=no_cache),
                _fresh_since(definition.metadata_of(vertex).cache_ttl, now),
            )
            for vertex in definition.vertices
        }

        self._lifetimes = {
            vertex.digest: float(said.cache_ttl)
            for vertex in definition.vertices
            if (said := definition.metadata_of(vertex)).cache_ttl
        }
        for vertex in definition.vertices:
            self._check(vertex)

    def _runs_anew(self, vertex: Vertex, *, no_cache: bool) -> bool:
        if isinstance(vertex.op, BuildOp):
            return True
        return (no_cache and not isinstance(vertex.op, SourceOp)) or self.definition.metadata_of(vertex).ignore_cache

    def _check(self, vertex: Vertex) -> None:
        """Raise `StepError` for what the user has not allowed, also where the cache would answer for it."""
        try:
            check_entitlements(vertex, self._environment.grants)
        except BuildError as error:
            lines = excerpt(self.location(vertex.digest))
            raise StepError(error, step=self.name_of(vertex), excerpt=lines, log=(), log_path="") from error

    def aging(self) -> list[tuple[str, int]]:
        """Return the edges whose results grow too old."""
        return [(digest, 0) for digest in self._lifetimes]

    def until(self, records: Mapping[tuple[str, int], Record]) -> float:
        """Return when the first of the results grows too old; 0 where none does."""
        ends = [records[edge].created + self._lifetimes[edge[0]] for edge in self.aging()]
        return min(ends, default=0.0)

    def name_of(self, vertex: Vertex) -> str:
        """Return how people know the vertex."""
        return one_line(self.definition.metadata_of(vertex).name or _plain_name(vertex))

    def runner(self, digest: str) -> Any:
        """Return the runner of a vertex."""
        vertex = self._vertices[digest]
        return _RUNNERS[type(vertex.op)](vertex, vertex.op, self._environment)

    def reads_context(self, digest: str) -> bool:
        """Say whether a vertex reads the build context directly."""
        inputs = (edge.vertex.op for edge in self._vertices[digest].inputs)
        return any(isinstance(op, SourceOp) and op.identifier == "local://context" for op in inputs)

    def location(self, digest: str) -> Any:
        """Return the source locations of a vertex, () without any."""
        return self.definition.locations.get(digest, ())

    def is_fixed(self) -> bool:
        """Say whether no root can change behind an unchanged build file, but those that are looked at anyway.

        A step that always runs is never fixed.
        """
        if any(vertex.ignore_cache for vertex in self.vertices.values()):
            return False
        return all(_is_fixed(vertex.op) for vertex in self._vertices.values() if isinstance(vertex.op, SourceOp))

    def local_roots(self, environment: Environment) -> list[tuple[Any, ...]]:
        """Return how each local directory of the graph was scanned: root, exclude, include, follow paths, digest."""
        import json

        found = []
        for digest, vertex in self._vertices.items():
            pin = environment.pins.get(digest)
            if isinstance(vertex.op, SourceOp) and vertex.op.scheme == "local" and pin is not None and pin.ref:
                names = ("local.excludepatterns", "local.includepattern", "local.followpaths")
                patterns = [json.loads(vertex.op.attr(name) or "[]") for name in names]
                found.append((pin.ref["root"], *patterns, pin.key))
        return found


def _plain_name(vertex: Vertex) -> str:
    op = vertex.op
    if isinstance(op, SourceOp):
        return op.identifier
    if isinstance(op, ExecOp):
        return f"run {' '.join(op.meta.args)}"
    return f"{type(op).__name__.removesuffix('Op').lower()} {vertex.digest[7:19]}"


def _fresh_since(lifetime: int, now: float) -> float:
    return max(now - lifetime, sys.float_info.min) if lifetime else 0.0


def _is_fixed(op: SourceOp) -> bool:
    if op.scheme in ("http", "https"):
        return bool(op.attr("http.checksum"))
    if op.scheme == "git":
        wanted = op.ref.partition("#")[2].partition(":")[0]
        return len(wanted) >= 40 and all(sign in "0123456789abcdef" for sign in wanted)
    return op.scheme in _LOOKED_AT
