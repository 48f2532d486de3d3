# SPDX-License-Identifier: Apache-2.0
"""What runners have in common: an op of the graph with its edges, in one build's environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ladle.core.solver.api import InputUse

if TYPE_CHECKING:
    from ladle.core.build.runners.environment import Environment, Result
    from ladle.llb.vertex import Vertex

OpT = TypeVar("OpT")
BY_RECORD = InputUse(by_content=False)


class BaseRunner(Generic[OpT]):
    """A runner whose inputs are all used as they are; kinds of op override what differs."""

    def __init__(self, vertex: Vertex, op: OpT, environment: Environment) -> None:
        self.vertex = vertex
        self.op = op
        self.environment = environment
        self.services = environment.services

    def key_parts(self) -> Mapping[str, object]:
        """Return what identifies the op beside its inputs."""
        from ladle.llb.codec import op_bytes

        return {"op": op_bytes(self.vertex), "standing": self.environment.standing}

    def pin(self) -> tuple[str, tuple[str, ...]] | None:
        """Return the identity of a root, None for an op with inputs."""
        return None

    def given(self) -> Sequence[Result] | None:
        """Return the outputs of a root that lies ready outside of the store, None for everything else."""
        return None

    def uses(self) -> Sequence[InputUse]:
        """Return how each input is used."""
        return [BY_RECORD] * len(self.vertex.inputs)

    def content_known(self, index: int, result: Result) -> str | None:
        """Return an input's content digest where no worker is needed for it."""
        return self.environment.content_known(result, self._selectors(index))

    async def content(self, index: int, result: Result) -> str:
        """Return an input's content digest."""
        return await self.environment.content(result, self._selectors(index))

    def _selectors(self, index: int) -> Sequence[Mapping[str, Any]]:
        selectors: Sequence[Mapping[str, Any]] = self.uses()[index].selectors
        return selectors

    async def layers(self, result: Result) -> list[str]:
        """Return the snapshots of a result that must be layers."""
        from ladle.core.build.local_layers import layers_of

        return await layers_of(self.services, self.environment.ref(result))

    def events(self) -> Any:
        """Return the callback that passes a job's events on to the reporter."""
        digest, reporter = self.vertex.digest, self.services.reporter

        def pass_on(event: dict[str, Any]) -> None:
            if event["type"] == "log":
                reporter.log(digest, event["stream"], event["data"])
            elif event["type"] == "warning":
                reporter.warning(event["text"])

        return pass_on
