# SPDX-License-Identifier: Apache-2.0
"""An ordering barrier."""

from __future__ import annotations

from ladle.llb.errors import LLBError
from ladle.llb.ops.checks import check_in_range, check_text
from ladle.llb.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PassthroughOp:
    """Hand on the inputs that `outputs` names, unchanged, once all inputs are there."""

    id: str
    outputs: tuple[int, ...] = (0,)

    def __post_init__(self) -> None:
        check_text("passthrough", "id", self.id)
        if not self.outputs:
            raise LLBError("passthrough: outputs is empty")

    @property
    def output_count(self) -> int:
        """How many outputs a vertex of this op has."""
        return len(self.outputs)

    def check_inputs(self, count: int) -> None:
        """Refuse an output that hands on an input that is not there."""
        for index in self.outputs:
            check_in_range("passthrough", "output", index, count)
