# SPDX-License-Identifier: Apache-2.0
"""Who builds states: an engine that somebody has put here. The graph itself is data and knows none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from ladle.llb.errors import LLBError

if TYPE_CHECKING:
    from ladle.llb.state import State


class Tree(Protocol):
    """The files of a state that was built."""

    def read(self, path: str) -> bytes | None:
        """Return a file's bytes, None if there is none."""

    def list(self, path: str = "/") -> tuple[str, ...] | None:
        """Return the sorted names in a directory (directories end with `/`), None if there is none."""


class Engine(Protocol):
    """What builds."""

    def solve(self, state: State) -> Tree:
        """Build a state and return its tree."""

    def export(self, made: State, *, type: str, dest: str, **attributes: str) -> Any:
        """Build a state and write it somewhere; returns what was written."""


_engine: Engine | None = None


def use_engine(engine: Engine | None) -> Engine | None:
    """Have states built by this from now on; returns what built them before."""
    global _engine  # `state.solve()` names no engine: there is one for the program
    before, _engine = _engine, engine
    return before


def engine() -> Engine:
    """Return what builds states; raises `LLBError` where nothing does."""
    if _engine is None:
        raise LLBError("there is nothing here that builds: import ladle.core.engine first")
    return _engine
