# SPDX-License-Identifier: Apache-2.0
"""Graphs solved beside a build's own: what a frontend asks for, images that are frontends, graphs made in a build.

They share the build's cache, grants, session and progress: whatever is refused to the build is refused to them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ladle.core.api.errors import BuildError
from ladle.core.api.refs import SCRATCH, Ref
from ladle.core.build.reads import MAX_FILE_BYTES
from ladle.llb.ops.source import SourceOp

if TYPE_CHECKING:
    from ladle.core.api.records import Record
    from ladle.core.build.graph import Graph
    from ladle.core.build.request import BuildRequest
    from ladle.core.build.runners.environment import Environment
    from ladle.core.build.worker_thread import EngineThread
    from ladle.core.progress.reporter import BuildReporter
    from ladle.core.store.store import Store
    from ladle.llb.definition import Definition
    from ladle.llb.vertex import Edge

MAX_NAMES = 100_000
"""How many names of one directory of a tree are given."""
_DIRECT = ("local", "host")


class Subsolver:
    """Solves graphs within one build, on its engine."""

    def __init__(
        self,
        environment: Environment,
        engine: EngineThread,
        *,
        store: Store,
        reporter: BuildReporter,
        request: BuildRequest,
        clock: Callable[[], float],
    ) -> None:
        self._environment = environment
        self._engine = engine
        self._store = store
        self._reporter = reporter
        self._request = request
        self._clock = clock

    def solve(self, definition: Definition, name: str = "") -> tuple[Record | None, Ref]:
        """Solve one result from the thread of the command line; returns its record (None: scratch) and its tree.

        Raises `StepError` where a step fails.
        """
        from ladle.core.build.failure import step_error
        from ladle.core.solver.loop import solve_cached

        edge = definition.result(name)
        if edge is None:
            return None, SCRATCH
        graph, targets, cache = self._prepared(definition, edge, self._environment)
        try:
            records = solve_cached(graph.vertices, targets, graph.runner, cache, self._reporter)
            if records is None:
                jobs = self._request.jobs
                records = self._engine.solve(graph, targets, cache, self._reporter, self._store, jobs)
        except BuildError as error:
            raise step_error(error, graph, self._reporter, self._request) from error
        record: Record = records[targets[0]]
        return record, self._environment.ref(record.result)

    def known(self, definition: Definition, name: str = "") -> Record | None:
        """Return the record of a result that the cache holds, None if anything would have to run. Tells nobody."""
        from ladle.core.solver.loop import solve_cached

        edge = definition.result(name)
        if edge is None:
            return None
        graph, targets, cache = self._prepared(definition, edge, self._environment, named=False)
        records = solve_cached(graph.vertices, targets, graph.runner, cache, _Silent())
        return None if records is None else records[targets[0]]

    async def within(self, definition: Definition, name: str, environment: Environment) -> Record | Mapping[str, Any]:
        """Solve one result on the engine's thread, for a step that is a graph itself; returns its record, or scratch.

        `environment` knows how deep the step is.
        """
        from ladle.core.build.failure import step_error
        from ladle.core.solver.drive import solve

        edge = definition.result(name)
        if edge is None:
            return SCRATCH
        graph, targets, cache = self._prepared(definition, edge, environment)
        flight = self._store.single_flight
        try:
            records = await solve(
                graph.vertices,
                targets,
                graph.runner,
                cache,
                self._reporter,
                jobs=self._request.jobs,
                single_flight=flight,
            )
        except BuildError as error:
            raise step_error(error, graph, self._reporter, self._request) from error
        return records[targets[0]]

    def read(self, ref: Ref, path: str) -> bytes | None:
        """Return a file of a tree, links resolved inside of it, None if it is absent; at most 16 MiB."""
        return self._engine.call(self.read_within(ref, path))

    async def read_within(self, ref: Ref, path: str) -> bytes | None:
        """Do the same on the engine's thread."""
        args = {"ref": ref, "path": path, "limit": MAX_FILE_BYTES}
        found = await self._environment.services.worker.run("read_file", args)
        data: bytes | None = found["data"]
        return data

    def names(self, ref: Ref, path: str) -> Sequence[str] | None:
        """Return the sorted names in a directory of a tree, those of directories with a `/`; None if it is absent."""
        args = {"ref": ref, "path": path, "limit": MAX_NAMES}
        found = self._engine.call(self._environment.services.worker.run("list_directory", args))
        names: Sequence[str] | None = found["names"]
        return names

    def _prepared(
        self, definition: Definition, edge: Edge, environment: Environment, *, named: bool = True
    ) -> tuple[Graph, list[tuple[str, int]], Any]:
        from ladle.core.build.graph import Graph

        op = edge.vertex.op
        if isinstance(op, SourceOp) and op.scheme in _DIRECT:
            raise BuildError(
                f"there is nothing to solve: the tree is {op.identifier} itself",
                code="LA0170",
                help="read the build context with read and list, or solve what is made from it",
            )
        graph = Graph(definition, environment, no_cache=self._request.no_cache, now=self._clock())
        if named:
            self._reporter.name((vertex.digest, vertex.name) for vertex in graph.vertices.values())
        return graph, [(edge.vertex.digest, edge.index)], self._store.records(environment.usable)


class _Silent:
    """A reporter that tells nobody."""

    def started(self, digest: str) -> None:
        """Say nothing."""

    cached = completed = canceled = started

    def failed(self, digest: str, error: BaseException) -> None:
        """Say nothing."""
