# SPDX-License-Identifier: Apache-2.0
"""What a frontend may have done for it while it compiles: another frontend's result, and trees that are built at once.

Whatever the other frontend reads is recorded as read by the caller; of a solved tree its identity is.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING

from ladle.core.api.errors import BuildError
from ladle.core.build import otherfiles

if TYPE_CHECKING:
    from ladle.core.api.frontend import BuildResult
    from ladle.core.api.refs import Ref
    from ladle.core.api.services import Facts
    from ladle.core.build.context import RecordingContext
    from ladle.core.build.foreign.choose import Foreign
    from ladle.core.build.reads import Read
    from ladle.core.build.subsolve import Subsolver
    from ladle.core.registry import Registry
    from ladle.llb.state import State

MAX_CALLS = 8
"""How deep frontends may call each other."""
MAX_SOLVES = 100
"""How many graphs one compile may have solved, with those of the frontends that it calls."""
SOLVED = "solved-graph"
"""Facts: the graphs that compiles had solved, by their digest."""


class Composer:
    """Calls frontends and solves graphs for one build's compile; `called` are the frontends that wait for an answer."""

    def __init__(
        self, registry: Registry, foreign: Foreign, subsolver: Subsolver, facts: Facts, called: tuple[str, ...] = ()
    ) -> None:
        self._registry = registry
        self._foreign = foreign
        self._subsolver = subsolver
        self._facts = facts
        self._called = called
        self._solves = [0]

    def call(
        self,
        context: RecordingContext,
        frontend: str,
        *,
        file: str,
        data: bytes | None,
        target: str,
        build_args: Mapping[str, str],
    ) -> BuildResult:
        """Compile a file of the context, or `data`, by a frontend ("": the one that the file asks for)."""
        from ladle.core.build.context import RecordingContext
        from ladle.core.build.foreign.choose import choose

        if len(self._called) >= MAX_CALLS:
            raise too_deep(self._called)
        shown = file or (context.build_file()[0] if data is None else "data")
        request = context.request
        options = replace(
            context.options, target=target, build_args=dict(build_args), filename=os.path.basename(shown), arguments=()
        )
        place = otherfiles.inside(request.context, file) if file else request.build_file
        inner = RecordingContext.within(
            context,
            replace(request, options=options, build_file=place, syntax=frontend),
            given=None if data is None else (shown, data),
        )
        _, chosen = choose(inner.request, inner, self._registry, self._foreign)
        inner.composer = self._deeper(f"{chosen.name} for {shown}")
        result: BuildResult = chosen.make().compile(inner)
        return result

    def _deeper(self, called: str) -> Composer:
        made = Composer(self._registry, self._foreign, self._subsolver, self._facts, (*self._called, called))
        made._solves = self._solves
        return made

    def solve(self, state: State) -> tuple[Solved, Read]:
        """Build a state; returns its tree, and the read that stands for it."""
        self._solves[0] += 1
        if self._solves[0] > MAX_SOLVES:
            raise BuildError(
                f"the compile has had {MAX_SOLVES} graphs solved already",
                code="LA0174",
                help="solve fewer: one graph can hold all the files that are to be read",
            )
        definition = state.marshal()
        data = definition.to_bytes()
        digest = sha256(data).hexdigest()
        record, ref = self._subsolver.solve(definition)
        if self._facts.get(SOLVED, digest) is None:
            self._facts.put(SOLVED, digest, data)
        return Solved(self._subsolver, ref), ("solved", digest, "" if record is None else str(record.id))


class Solved:
    """A tree that was built during a compile (implements `ladle.core.api.frontend.SolvedTree`)."""

    def __init__(self, subsolver: Subsolver, ref: Ref) -> None:
        self._subsolver = subsolver
        self._ref = ref

    def read(self, path: str) -> bytes | None:
        """Return a file's bytes, None if there is none."""
        return self._subsolver.read(self._ref, path)

    def list(self, path: str = "/") -> tuple[str, ...] | None:
        """Return the sorted names in a directory (directories end with `/`), None if there is none."""
        names = self._subsolver.names(self._ref, path)
        return None if names is None else tuple(names)


def solved_now(digest: str, facts: Facts, subsolver: Subsolver) -> str:
    """Return what a recorded solve would give now, as its read says it; "" if something would have to run."""
    from ladle.llb.definition import Definition

    data = facts.get(SOLVED, digest)
    if data is None:
        return ""
    record = subsolver.known(Definition.from_bytes(data))
    return "" if record is None else str(record.id)


def too_deep(called: tuple[str, ...]) -> BuildError:
    """Return: frontends call each other, and there is no end to it."""
    return BuildError(
        f"frontends call each other more than {MAX_CALLS} deep",
        code="LA0175",
        notes=[f"called: {' -> '.join(called)}"],
        help="let the last of them compile its file by itself",
    )
