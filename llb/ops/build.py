# SPDX-License-Identifier: Apache-2.0
"""A graph that is computed inside the build."""

from __future__ import annotations

from ladle.llb.errors import LLBError
from ladle.llb.ops.checks import Pairs, check_in_range, check_index, check_pairs
from ladle.llb.values import dataclass

LLB_BUILDER = -1
"""As `builder`: the definition input is LLB itself."""
DEFINITION_INPUT = "buildkit.llb.definition"
"""The input that holds the definition, and the name of its file unless `llbbuild.filename` says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOp:
    """Solve the definition found in an input; `inputs` maps names to indexes of the vertex's inputs."""

    builder: int = LLB_BUILDER
    inputs: tuple[tuple[str, int], ...] = ()
    definition: bytes = b""
    attrs: Pairs = ()

    def __post_init__(self) -> None:
        check_index("build", "builder", self.builder)
        check_pairs("build", "inputs", tuple((name, "") for name, _ in self.inputs))
        check_pairs("build", "attrs", self.attrs)
        if not self.inputs and not self.definition:
            raise LLBError("build: there is neither an input nor a definition")

    @property
    def output_count(self) -> int:
        """How many outputs a vertex of this op has."""
        return 1

    def check_inputs(self, count: int) -> None:
        """Refuse an input that is not there."""
        check_in_range("build", "builder", self.builder, count)
        for name, index in self.inputs:
            check_in_range(f"build: input {name!r}", "index", index, count)
