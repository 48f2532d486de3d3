# SPDX-License-Identifier: Apache-2.0
"""The runner of a build op: a graph that the build itself has made is read from its input, and solved (LLB-24)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ladle.core.api.errors import BuildError
from ladle.core.api.refs import SCRATCH
from ladle.core.build.runners.base import BaseRunner
from ladle.llb.errors import LLBError
from ladle.llb.forms import read_definition
from ladle.llb.ops.build import DEFINITION_INPUT, LLB_BUILDER, BuildOp

if TYPE_CHECKING:
    from ladle.core.build.runners.environment import Result
    from ladle.llb.definition import Definition

FILENAME = "llbbuild.filename"
MAX_DEPTH = 8
"""How deep graphs that are made in a build may make further ones."""


class BuildRunner(BaseRunner[BuildOp]):
    """Runs a build op anew in each build: what its graph reads may have changed, which only solving it tells.

    The steps of that graph have the cache that all steps have, so an unchanged one costs its look-ups.
    """

    PASSES_ON = True

    async def run(self, inputs: Sequence[Result]) -> Sequence[Result]:
        """Return the tree of the graph's only result; raises `BuildError` for one that is not valid or too deep."""
        if self.environment.depth >= MAX_DEPTH:
            raise BuildError(
                f"graphs that are made in a build make further ones more than {MAX_DEPTH} deep",
                code="LA0411",
                help="let the graph hold the steps themselves",
            )
        definition = self._checked(await self._bytes(inputs))
        subsolver = self.environment.subsolver
        if subsolver is None:
            raise BuildError("there is no build that could solve a graph", code="LA0410", help="build it with ladle")
        found = await subsolver.within(definition, "", self.environment.deeper())
        if isinstance(found, Mapping):
            return [SCRATCH]
        return [found.result]

    async def _bytes(self, inputs: Sequence[Result]) -> bytes:
        """Return the graph's bytes: of the op itself, or of the file in its input."""
        if self.op.builder != LLB_BUILDER:
            raise BuildError(
                "a build op names a builder: graphs in graphs can be LLB only", code="LA0410", help="leave it out"
            )
        named = dict(self.op.inputs)
        if DEFINITION_INPUT not in named:
            if self.op.definition:
                return self.op.definition
            raise BuildError(f"a build op has no input {DEFINITION_INPUT!r}", code="LA0410", help="name one so")
        path = dict(self.op.attrs).get(FILENAME, DEFINITION_INPUT)
        subsolver = self.environment.subsolver
        ref = self.environment.ref(inputs[named[DEFINITION_INPUT]])
        data = await subsolver.read_within(ref, path) if subsolver is not None else None
        if data is None:
            raise BuildError(
                f"there is no graph: the input has no file {path!r}",
                code="LA0410",
                help=f"write it there, or name another in the op's attribute {FILENAME}",
            )
        return data

    @staticmethod
    def _checked(data: bytes) -> Definition:
        try:
            definition = read_definition(data)
        except LLBError as error:
            raise BuildError(
                f"the graph made in the build is not valid: {error}",
                code="LA0410",
                help="make it with ladle compile, or by a BuildKit client",
            ) from error
        if [name for name, _ in definition.results] != [""]:
            names = ", ".join(repr(name) for name, _ in definition.results)
            raise BuildError(
                f"the graph made in the build has the results {names}: it has to have one, without a name",
                code="LA0410",
                help="make it for one platform",
            )
        return definition
