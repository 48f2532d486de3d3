# SPDX-License-Identifier: Apache-2.0
"""The runners of ops that only put layers together: merge, diff, passthrough."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ladle.core.api.refs import layers_ref
from ladle.core.build.loose_layers import loosened
from ladle.core.build.runners.base import BaseRunner
from ladle.llb.ops.diff import DiffOp
from ladle.llb.ops.merge import MergeOp
from ladle.llb.ops.passthrough import PassthroughOp

if TYPE_CHECKING:
    from ladle.core.build.runners.environment import Result


_FORM = 2
"""Raised when the layers of the same inputs change; it is in the keys."""


class MergeRunner(BaseRunner[MergeOp]):
    """Layers of the inputs in order (LLB-25); copied only where a layer would do something else on these parents."""

    def key_parts(self) -> Mapping[str, object]:
        """Return what identifies the op, and how its layers are made."""
        return {**super().key_parts(), "form": _FORM}

    async def run(self, inputs: Sequence[Result]) -> Sequence[Result]:
        """Return the chains one after another."""
        chains = [await self.layers(inputs[index]) for index in self.op.inputs]
        for number, chain in enumerate(chains[1:], 1):
            chains[number] = await loosened(self.services, chain, 0, self.events())
        return [layers_ref([layer for chain in chains for layer in chain])]


class DiffRunner(BaseRunner[DiffOp]):
    """The layers that turn lower into upper (LLB-26)."""

    def key_parts(self) -> Mapping[str, object]:
        """Return what identifies the op, and how its layers are made."""
        return {**super().key_parts(), "form": _FORM}

    async def run(self, inputs: Sequence[Result]) -> Sequence[Result]:
        """Return exactly the layers on top of lower where upper is built on it, else a new layer by comparison."""
        lower = await self.layers(inputs[self.op.lower]) if self.op.lower >= 0 else []
        upper = await self.layers(inputs[self.op.upper]) if self.op.upper >= 0 else []
        if upper[: len(lower)] == lower:
            return [layers_ref(await loosened(self.services, upper, len(lower), self.events()))]
        snapshot = self.services.snapshots.allocate()
        args = {"lower": layers_ref(lower), "upper": layers_ref(upper), "snapshot": snapshot}
        await self.services.worker.run("diff_trees", args, on_event=self.events())
        self.services.snapshots.commit(snapshot)
        return [layers_ref([snapshot])]


class PassthroughRunner(BaseRunner[PassthroughOp]):
    """Inputs unchanged, once all of them are there (LLB-27)."""

    async def run(self, inputs: Sequence[Result]) -> Sequence[Result]:
        """Return the inputs that the op names as outputs."""
        return [inputs[index] for index in self.op.outputs]
