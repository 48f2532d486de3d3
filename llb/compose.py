# SPDX-License-Identifier: Apache-2.0
"""States made of several states: `merge`, `diff`, `passthrough`, `build`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Unpack

from ladle.llb.errors import LLBError
from ladle.llb.nodes import LateNode, OpOptions, Output
from ladle.llb.ops.build import DEFINITION_INPUT, BuildOp
from ladle.llb.ops.diff import DiffOp
from ladle.llb.ops.merge import MergeOp
from ladle.llb.ops.passthrough import PassthroughOp
from ladle.llb.state import State


def merge(states: Sequence[State], **options: Unpack[OpOptions]) -> State:
    """Lay trees over each other, later ones winning; the settings are the first one's. Scratch drops out."""
    trees = tuple([state.output for state in states if state.output is not None])
    settings = states[0].settings if states else State().settings
    if len(trees) < 2:
        return State(trees[0] if trees else None, settings)
    return State(Output(LateNode(lambda numbers: MergeOp(inputs=tuple(numbers)), trees, options)), settings)


def diff(lower: State, upper: State, **options: Unpack[OpOptions]) -> State:
    """Return what turns `lower` into `upper`; over scratch, that is `upper` itself."""
    if lower.output is None:
        return State(upper.output)
    deps = (lower.output, upper.output)
    return State(Output(LateNode(lambda numbers: DiffOp(lower=numbers[0], upper=numbers[1]), deps, options)))


def passthrough(id: str, states: Sequence[State], **options: Unpack[OpOptions]) -> list[State]:
    """Return the states unchanged, each only once all of them are built."""
    trees = [state.output for state in states]
    if not trees or any(tree is None for tree in trees):
        raise LLBError(f"passthrough {id!r}: there must be states, none of them scratch")
    node = LateNode(lambda numbers: PassthroughOp(id=id, outputs=tuple(numbers)), tuple(trees), options)
    return [State(Output(node, number), state.settings) for number, state in enumerate(states)]


def build(
    definition: State, *, filename: str = "", inputs: Mapping[str, State] | None = None, **options: Unpack[OpOptions]
) -> State:
    """Solve the LLB found in a file of a state, which the build itself may have made."""
    named = {**(inputs or {}), DEFINITION_INPUT: definition}
    names = sorted(named)
    if any(named[name].output is None for name in names):
        raise LLBError("build: an input is scratch")
    attrs = (("llbbuild.filename", filename),) if filename else ()

    def make(numbers: list[int]) -> BuildOp:
        return BuildOp(inputs=tuple(zip(names, numbers, strict=True)), attrs=attrs)

    node = LateNode(make, tuple(named[name].output for name in names), options, has_platform=True)
    return State(Output(node), definition.settings)
