# SPDX-License-Identifier: Apache-2.0
"""The runner of a source op: pinned by its plugin, fetched only when something reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ladle.core.build.runners.base import BaseRunner
from ladle.llb.ops.source import SourceOp

if TYPE_CHECKING:
    from ladle.core.api.source import Pin
    from ladle.core.build.runners.environment import Result


class SourceRunner(BaseRunner[SourceOp]):
    """Runs a source op."""

    def key_parts(self) -> Mapping[str, object]:
        """Return the identifier; what identifies the tree is the pin."""
        return {"identifier": self.op.identifier}

    def pin(self) -> tuple[str, tuple[str, ...]]:
        """Return the root's identity and its aliases, by the plugin of its scheme."""
        pin = self._pin()
        scheme = self.op.identifier.partition("://")[0]
        standing = self.environment.standing
        return f"{scheme}:{pin.key}{standing}", tuple(f"{alias}{standing}" for alias in pin.aliases)

    def _pin(self) -> Pin:
        known = self.environment.pins.get(self.vertex.digest)
        if known is None:
            scheme = self.op.identifier.partition("://")[0]
            known = self.environment.source(scheme).pin(self.op, self.vertex.platform)
            self.environment.pins[self.vertex.digest] = known
        return known

    def given(self) -> Sequence[Result] | None:
        """Return the tree of a root that lies ready outside of the store."""
        ref = self._pin().ref
        return None if ref is None else [ref]

    async def run(self, inputs: Sequence[Result]) -> Sequence[Result]:  # noqa: ARG002 - a root has no inputs
        """Fetch the tree."""
        scheme = self.op.identifier.partition("://")[0]
        return [await self.environment.source(scheme).fetch(self.op, self.vertex.platform, self._pin())]
