# SPDX-License-Identifier: Apache-2.0
"""A plan: the part of a graph that some targets need, with what follows from the graph alone.

Made once and used by both drivers, so that what the plain loop has found out is not asked again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ladle.core.api.errors import InternalError
from ladle.core.solver.keys import definition_key, op_digest, root_key
from ladle.core.solver.state import VertexState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ladle.core.api.records import Record
    from ladle.core.solver.api import CacheIndex, Edge, Reporter, RunnerFactory, VertexView


class Plan:
    """Vertices in order (inputs first), the outputs wanted of each, their definition keys and states."""

    def __init__(
        self, graph: Mapping[str, VertexView], targets: Iterable[Edge], factory: RunnerFactory, reporter: Reporter
    ) -> None:
        self.graph = graph
        self.targets: tuple[Edge, ...] = tuple(dict.fromkeys(targets))
        self.reporter = reporter
        self.order = _inputs_first(graph, [digest for digest, _ in self.targets])
        self.position = {digest: number for number, digest in enumerate(self.order)}
        self._factory = factory
        self._states: dict[str, VertexState] = {}
        self._prepared = False

    def prepare(self) -> None:
        """Pin the roots and compute every definition key. May do I/O; a failure is reported for its vertex."""
        if self._prepared:
            return
        wanted = self._wanted()
        for digest in self.order:
            try:
                self._states[digest] = self._state(digest, wanted[digest])
            except Exception as error:
                self.reporter.failed(digest, error)
                raise
        self._prepared = True

    def state(self, digest: str) -> VertexState:
        """Return what is known of a vertex; after `prepare`."""
        return self._states[digest]

    def result(self, done: Mapping[str, Mapping[int, Record]]) -> dict[Edge, Record]:
        """Return the records of the targets out of those of the vertices."""
        return {(digest, output): done[digest][output] for digest, output in self.targets}

    def _wanted(self) -> dict[str, list[int]]:
        wanted: dict[str, set[int]] = {digest: set() for digest in self.order}
        for digest, output in self.targets:
            wanted[digest].add(output)
        for digest in self.order:
            for source, output in self.graph[digest].inputs:
                wanted[source].add(output)
        return {digest: sorted(outputs) for digest, outputs in wanted.items()}

    def _state(self, digest: str, wanted: Sequence[int]) -> VertexState:
        vertex = self.graph[digest]
        runner = self._factory(digest)
        parts = runner.key_parts()
        pin = runner.pin()
        op = op_digest(parts)
        inputs = tuple(vertex.inputs)
        if pin is not None and inputs:
            raise InternalError(f"{vertex.name} is pinned although it has inputs")
        below = [self._states[source] for source, _ in inputs]
        input_keys = [state.definition(output)[0] for state, (_, output) in zip(below, inputs, strict=True)]

        def definition(output: int) -> list[bytes]:
            if pin is None:
                return [definition_key(op, input_keys, output)]
            return [root_key(identity, output) for identity in (pin[0], *pin[1])]

        return VertexState(
            vertex,
            runner,
            op=op,
            parts={"name": vertex.name, "op": parts, "pin": None if pin is None else [pin[0], *pin[1]]},
            definition=definition,
            wanted=wanted,
            tainted=any(state.taints for state in below),
        )


class Hits:
    """Reports hits: each vertex once, and with it everything below it that nobody looks at."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._told: set[str] = set()

    def claim(self, digest: str) -> None:
        """Say that a vertex is looked at itself, and so reported by whoever does."""
        self._told.add(digest)

    def hit(self, digest: str) -> None:
        """Report a vertex and what is below it as cached, inputs first."""
        found = [digest]
        stack = [digest]
        while stack:
            for source, _ in self._plan.graph[stack.pop()].inputs:
                if source not in self._told:
                    self._told.add(source)
                    found.append(source)
                    stack.append(source)
        self._told.add(digest)
        for each in sorted(found, key=self._plan.position.__getitem__):
            self._plan.reporter.cached(each)


def touch(cache: CacheIndex, done: Mapping[str, Mapping[int, Record]]) -> None:
    """Tell the cache which records were used."""
    records = {record.id: record for each in done.values() for record in each.values()}
    cache.touch(list(records.values()))


def _inputs_first(graph: Mapping[str, VertexView], ends: Iterable[str]) -> list[str]:
    """Return what the ends need, inputs first; no recursion, so that a chain may be as long as it likes."""
    order: list[str] = []
    done: dict[str, bool] = {}
    for end in ends:
        stack = [end]
        while stack:
            digest = stack[-1]
            if done.get(digest) is not None:
                stack.pop()
                if not done[digest]:
                    done[digest] = True
                    order.append(digest)
                continue
            done[digest] = False
            if digest not in graph:
                raise InternalError(f"the graph has no vertex {digest}")
            for source, _ in reversed(graph[digest].inputs):
                if source not in done:
                    stack.append(source)
                elif not done[source]:  # begun and not ended: it is on the way from the end to here
                    raise InternalError(f"the graph has a cycle through {source}")
    return order
