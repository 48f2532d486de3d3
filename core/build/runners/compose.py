# SPDX-License-Identifier: Apache-2.0
"""The runners of ops that only put layers together: merge, diff, passthrough."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ladle.core.api.refs import layers_ref
from ladle.core.build.layer_blobs import PARENTS
from ladle.core.build.runners.base import BaseRunner
from ladle.llb.ops.diff import DiffOp
from ladle.llb.ops.merge import MergeOp
from ladle.llb.ops.passthrough import PassthroughOp

if TYPE_CHECKING:
    from ladle.core.api.services import Services
    from ladle.core.build.runners.environment import Result


def remember_parents(services: Services, chain: Sequence[str]) -> None:
    """Remember what each layer of a chain was made on, before it is laid on something else.

    Its blob says what it changed there (`ladle.core.build.layer_blobs`).
    """
    for position, layer in enumerate(chain):
        if services.facts.get(PARENTS, layer) is None:
            services.facts.put(PARENTS, layer, " ".join(chain[:position]).encode())


class MergeRunner(BaseRunner[MergeOp]):
    """Layers of the inputs in order, none copied (LLB-25)."""

    async def run(self, inputs: Sequence[Result]) -> Sequence[Result]:
        """Return the chains one after another."""
        chains = [await self.layers(inputs[index]) for index in self.op.inputs]
        for chain in chains[1:]:
            remember_parents(self.services, chain)
        return [layers_ref([layer for chain in chains for layer in chain])]


class DiffRunner(BaseRunner[DiffOp]):
    """The layers that turn lower into upper (LLB-26)."""

    async def run(self, inputs: Sequence[Result]) -> Sequence[Result]:
        """Return exactly the layers on top of lower where upper is built on it, else a new layer by comparison."""
        lower = await self.layers(inputs[self.op.lower]) if self.op.lower >= 0 else []
        upper = await self.layers(inputs[self.op.upper]) if self.op.upper >= 0 else []
        if upper[: len(lower)] == lower:
            remember_parents(self.services, upper)
            return [layers_ref(upper[len(lower) :])]
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
