# SPDX-License-Identifier: Apache-2.0
"""Solves that were recorded: the first run builds with ladle itself, later ones read what was kept."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from base64 import b64decode, b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ladle.frontends.testing import errors

if TYPE_CHECKING:
    from ladle.llb.state import State


class RecordedSolve:
    """Answers `context.solve(state)` from files named by the graph's digest; with `record` it makes them."""

    def __init__(self, directory: Path, *, record: bool = False) -> None:
        self.directory = directory
        self.record = record
        self._built: list[str] = []

    def __call__(self, state: State) -> RecordedTree:
        """Return the recorded tree of a state; raises `BuildError` for one that was never built."""
        definition = state.marshal()
        head = definition.head
        name = "scratch" if head is None else hashlib.sha256(f"{head.digest}/{head.index}".encode()).hexdigest()[:16]
        path = self.directory / f"{name}.json"
        if path.exists():
            return RecordedTree(path, "")
        if not self.record:
            raise errors.nothing_said("tree", f"of a solve ({path.name})", "run pytest once with --ladle-record")
        self._built.append(tempfile.mkdtemp(prefix="ladle-recorded-"))
        return RecordedTree(path, _build(definition.to_bytes(), self._built[-1]))

    def close(self) -> None:
        """Remove the trees that were built."""
        for place in self._built:
            shutil.rmtree(place, ignore_errors=True)


class RecordedTree:
    """A tree of which only what was read is known; `built` is where it lies while it is recorded."""

    def __init__(self, path: Path, built: str) -> None:
        self._path = path
        self._built = built
        self._known: dict[str, Any] = {} if built else json.loads(path.read_text())

    def read(self, path: str) -> bytes | None:
        """Return a file's bytes, None if there is none."""
        data = self._answer(f"read {path}", path)
        return None if data is None else b64decode(data)

    def list(self, path: str = "/") -> tuple[str, ...] | None:
        """Return the sorted names in a directory (directories end with `/`), None if there is none."""
        names = self._answer(f"list {path}", path)
        return None if names is None else tuple(names)

    def _answer(self, question: str, path: str) -> Any:
        if question not in self._known:
            if not self._built:
                raise errors.nothing_said(
                    "answer to", repr(question), f"remove {self._path} and run pytest with --ladle-record"
                )
            self._known[question] = _look(question.partition(" ")[0], Path(self._built), path)
            self._path.parent.mkdir(exist_ok=True)
            self._path.write_text(json.dumps(self._known, indent=2, sort_keys=True) + "\n")
        return self._known[question]


def _look(question: str, root: Path, path: str) -> Any:
    inside = (root / path.lstrip("/")).resolve()
    if not inside.is_relative_to(root.resolve()):
        return None
    if question == "read":
        return b64encode(inside.read_bytes()).decode() if inside.is_file() else None
    if not inside.is_dir():
        return None
    return sorted(f"{entry.name}/" if entry.is_dir() else entry.name for entry in inside.iterdir())


def _build(definition: bytes, place: str) -> str:
    """Build a graph in a directory with the ladle of this installation; returns where its tree is."""
    graph, tree = os.path.join(place, "graph.llb"), os.path.join(place, "tree")
    Path(graph).write_bytes(definition)
    command = [sys.executable, "-m", "ladle.core.cli", "build", "--llb", graph, "-o", tree]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0:
        raise errors.not_loaded("under test", "its solve failed: " + done.stderr.decode(errors="replace").strip())
    return tree
