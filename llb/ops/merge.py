# SPDX-License-Identifier: Apache-2.0
"""Several trees laid over each other."""

from __future__ import annotations

from ladle.llb.errors import LLBError
from ladle.llb.ops.checks import check_in_range
from ladle.llb.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeOp:
    """The layers of `inputs` in order, later ones winning; each is an index into the vertex's inputs."""

    inputs: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.inputs) < 2:
            raise LLBError(f"merge: {len(self.inputs)} inputs, there must be at least two")

    @property
    def output_count(self) -> int:
        """How many outputs a vertex of this op has."""
        return 1

    def check_inputs(self, count: int) -> None:
        """Refuse an input that is not there."""
        for index in self.inputs:
            check_in_range("merge", "input", index, count)
