# SPDX-License-Identifier: Apache-2.0
"""Directories of the caller that a build copies from: only the paths that are used are asked for (DF-58, DF-76)."""

from __future__ import annotations

from typing import Protocol

from ladle.core.api.errors import InternalError
from ladle.core.api.patterns import clean
from ladle.llb.nodes import LateNode, Output, SourceNode
from ladle.llb.ops import SourceOp
from ladle.llb.sources import local
from ladle.llb.state import State


class Tree(Protocol):
    """What COPY and ADD copy from where they do not say: the build context, or another tree in its place."""

    state: State

    def use(self, path: str) -> None:
        """Note that a path (as written in COPY, wildcards in it) is copied."""


class WholeTree:
    """A tree of which all is there anyway: a repository."""

    def __init__(self, state: State) -> None:
        self.state = state

    def use(self, path: str) -> None:
        """Need no note."""


class LocalContext:
    """One directory by its session name. Its source's attributes are fixed when the graph is marshalled: by then
    every stage has said which paths it copies."""

    def __init__(self, name: str, shown: str, hint: str, excludes: tuple[str, ...] = ()) -> None:
        self.name = name
        self.excludes = excludes
        self._hint = hint
        self._paths: set[str] = set()
        self.state = State(Output(LateNode(self._op, (), {"name": shown})))

    def use(self, path: str) -> None:
        """Note that a path (as written in COPY, wildcards in it) is copied."""
        self._paths.add(clean("/" + path))

    @property
    def used(self) -> bool:
        """Whether anything is copied from it."""
        return bool(self._paths)

    def _op(self, numbers: list[int]) -> SourceOp:  # noqa: ARG002
        follow = [] if "/" in self._paths else sorted(path[1:] for path in self._paths)
        made = local(self.name, follow_paths=follow, exclude_patterns=self.excludes, shared_key_hint=self._hint)
        node = made.output.node if made.output else None
        if not isinstance(node, SourceNode):
            raise InternalError("a local source is not a source")
        return node.op
