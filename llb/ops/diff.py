# SPDX-License-Identifier: Apache-2.0
"""What one tree has changed over another."""

from __future__ import annotations

from ladle.llb.ops.checks import check_in_range, check_index
from ladle.llb.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffOp:
    """The layers that turn `lower` into `upper`; each is an index into the vertex's inputs, or -1 for scratch."""

    lower: int = -1
    upper: int = -1

    def __post_init__(self) -> None:
        check_index("diff", "lower", self.lower)
        check_index("diff", "upper", self.upper)

    @property
    def output_count(self) -> int:
        """How many outputs a vertex of this op has."""
        return 1

    def check_inputs(self, count: int) -> None:
        """Refuse an input that is not there."""
        check_in_range("diff", "lower", self.lower, count)
        check_in_range("diff", "upper", self.upper, count)
