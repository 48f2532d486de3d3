# SPDX-License-Identifier: Apache-2.0
"""What can be read off the steps behind a result: its base image, what was done on it, which files it copies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from ladle.llb.actions import Bound, FileNode
from ladle.llb.execs import ExecNode
from ladle.llb.metadata import CUSTOM_NAME, OpMetadata
from ladle.llb.nodes import Node, Output
from ladle.llb.ops.file import Copy
from ladle.llb.paths import join

if TYPE_CHECKING:
    from ladle.frontends.dockerfile.localcontext import LocalContext
    from ladle.llb.actions import Actions


def steps_below(output: Output | None) -> tuple[list[Node], Output | None]:
    """Return the runs and file steps that a tree was made by, the first one first, and what they were put on."""
    steps: list[Node] = []
    while output is not None:
        node = output.node
        if isinstance(node, ExecNode) and node.output("/") == output:
            steps.append(node)
            output = node.deps[[target for target, _ in node.mounts].index("/")]
        elif isinstance(node, FileNode):
            steps.append(node)
            output = node.deps[0]
        else:
            break
    return steps[::-1], output


def shown(node: Node) -> str:
    """Return what a step does, for the history of an image."""
    if isinstance(node, ExecNode):
        return "RUN " + " ".join(node.plan.meta.args)
    if isinstance(node, FileNode):
        return "; ".join(
            " ".join([step.kind.__name__.upper(), *(str(step.values[key]) for key in _SHOWN if key in step.values)])
            for step in node.steps
        )
    return ""


def name_steps(results: Iterable[Output | None], maker: Callable[[Node], str]) -> None:
    """Give every step without a name one by what it does, and by the target that it is made in."""
    for node in _nodes(results):
        text = shown(node).partition("\n")[0]
        said = node.metadata or OpMetadata()
        if text and not said.name:
            target = maker(node)
            name = f"[{target}] {text}" if target else text
            description = tuple(sorted({**dict(said.description), CUSTOM_NAME: name}.items()))
            node.metadata = replace(said, description=description)


_SHOWN = ("src", "oldpath", "dest", "newpath", "path")


def mark_used(trees: Iterable[LocalContext], results: Iterable[Output | None]) -> None:
    """Tell directories of the caller which of their paths a graph copies; whatever else it does needs all of them."""
    known = {tree.state.output.node: tree for tree in trees if tree.state.output is not None}
    for node in _nodes(results) if known else ():
        if isinstance(node, FileNode):
            _mark_copies(node, known)
        elif isinstance(node, ExecNode):
            for _, mount in node.mounts:
                if mount.source is not None and mount.source.node in known:
                    known[mount.source.node].use(mount.selector or "/")
        else:
            for dep in node.deps:
                if dep is not None and dep.node in known:
                    known[dep.node].use("/")
    for output in results:
        if output is not None and output.node in known:
            known[output.node].use("/")


def _mark_copies(node: FileNode, known: dict[Node, LocalContext]) -> None:
    if node.deps[0] is not None and node.deps[0].node in known:
        known[node.deps[0].node].use("/")
    waiting: list[Actions | FileNode] = [node]
    while waiting:
        for step in waiting.pop().steps:
            if isinstance(step.source, Bound):
                waiting.append(step.source.actions)
                base = step.source.base
                if base is not None and base.output is not None and base.output.node in known:
                    known[base.output.node].use("/")
            elif step.kind is Copy and step.source is not None and step.source.output is not None:
                found = known.get(step.source.output.node)
                if found is not None:
                    found.use(join(step.source.get_dir(), step.values["src"]))


def _nodes(results: Iterable[Output | None]) -> Iterator[Node]:
    waiting = [output.node for output in results if output is not None]
    seen = set(waiting)
    while waiting:
        node = waiting.pop()
        yield node
        for dep in node.deps:
            if dep is not None and dep.node not in seen:
                seen.add(dep.node)
                waiting.append(dep.node)
