# SPDX-License-Identifier: Apache-2.0
"""Where a graph begins: an image, a repository, a download, a directory of the caller."""

from __future__ import annotations

from ladle.llb.errors import LLBError
from ladle.llb.ops.checks import Pairs, check_in_range, check_pairs
from ladle.llb.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOp:
    """A tree fetched from `identifier` (`scheme://rest`); `attrs` are BuildKit's, sorted by name."""

    identifier: str
    attrs: Pairs = ()

    def __post_init__(self) -> None:
        scheme, found, _ = self.identifier.partition("://")
        if not found or not scheme or "\0" in self.identifier:
            raise LLBError(f"source: identifier {self.identifier!r} is not of the form scheme://name")
        if self.attrs:
            check_pairs("source", "attrs", self.attrs)

    @property
    def scheme(self) -> str:
        """What kind of source this is, such as `docker-image`."""
        return self.identifier.partition("://")[0]

    @property
    def ref(self) -> str:
        """The identifier without its scheme."""
        return self.identifier.partition("://")[2]

    @property
    def output_count(self) -> int:
        """How many outputs a vertex of this op has."""
        return 1

    def attr(self, name: str, default: str = "") -> str:
        """Return one attribute, or the default where it is not set."""
        return next((value for key, value in self.attrs if key == name), default)

    def check_inputs(self, count: int) -> None:
        """Refuse inputs: a source has none."""
        if count:
            check_in_range("source", "input", count - 1, 0)
