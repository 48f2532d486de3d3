# SPDX-License-Identifier: Apache-2.0
"""The worker job `file`: the actions of one FileOp, each on the tree that an input or an earlier action gives.

args: `inputs` (refs), `actions` (maps with `action` and the fields of LLB), `snapshots` ({output index: id}).
Indexes below `len(inputs)` are inputs, those above are results of actions in order, -1 is scratch.
result: `{"outputs": {index: {"base": layers, "snapshot": id or None}}}`; None says that nothing was written.

Actions on one tree run in one staging. A result that is needed in two ways (two later actions, or read while another
is written) is made once for each: file operations give the same result every time.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

from ladle.core.api.errors import BuildError, InternalError
from ladle.core.fileops import actions as simple
from ladle.core.fileops.copy import copy
from ladle.core.fileops.dest import Dest, Owner
from ladle.core.fileops.owner import read_owner
from ladle.core.fileops.source import DiskSource, LocalSource, Source

if TYPE_CHECKING:
    from ladle.core.worker.job import JobContext, Staging

REPEATABLE = True
_DISK_TROUBLE = frozenset([errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE])
_KINDS = frozenset(["copy", "mkfile", "mkdir", "rm", "symlink"])
_EVERYTHING = {"src": "/", "dest": "/", "dir_copy_contents": True, "create_dest_path": True}


def run(ctx: JobContext, args: dict[str, Any]) -> dict[str, Any]:
    """Run the actions and commit the outputs."""
    operation = _FileOp(ctx, args)
    outputs: dict[int, dict[str, Any]] = {}
    for index, action in enumerate(operation.actions):
        output = action.get("output", -1)
        if output >= 0:
            outputs[output] = operation.commit(index, output)
    return {"outputs": outputs}


class _FileOp:
    def __init__(self, ctx: JobContext, args: dict[str, Any]) -> None:
        self._ctx = ctx
        self._inputs: list[dict[str, Any]] = args["inputs"]
        self._snapshots = {int(index): snapshot for index, snapshot in args["snapshots"].items()}
        self._trees: dict[int, Source] = {}
        self.actions: list[dict[str, Any]] = args["actions"]
        for index, action in enumerate(self.actions):
            self._check(index, action)

    def _check(self, index: int, action: dict[str, Any]) -> None:
        if action.get("action") not in _KINDS:
            raise InternalError(f"unknown file action: {action.get('action')!r}")
        limit = len(self._inputs) + index
        for field in ("input", "secondary_input"):
            value = action.get(field, -1)
            if not isinstance(value, int) or not -1 <= value < limit:
                raise InternalError(f"action {index} has an invalid {field}: {value!r}")

    def commit(self, index: int, output: int) -> dict[str, Any]:
        """Make the result of an action, and of it the snapshot of an output."""
        if output not in self._snapshots:
            raise InternalError(f"no snapshot id for output {output}")
        layers, staging = self._make(index)
        staging.finish()
        snapshot: str | None = self._snapshots[output]
        with os.scandir(staging.upper) as listing:
            is_empty = next(listing, None) is None
        if is_empty:
            staging.discard()
            snapshot = None
        else:
            staging.commit(self._snapshots[output])
        return {"base": layers, "snapshot": snapshot}

    def _make(self, index: int) -> tuple[list[str], Staging]:
        """Run the actions that lead to a result, on a new staging; also returns the layers it stands on."""
        chain = [index]
        while (base := self.actions[chain[-1]].get("input", -1)) >= len(self._inputs):
            chain.append(base - len(self._inputs))
        ref = self._inputs[base] if base >= 0 else {"kind": "layers", "layers": []}
        if ref["kind"] == "host":
            raise BuildError("a host directory cannot be changed by a file operation", code="LA0316")
        layers = list(ref["layers"]) if ref["kind"] == "layers" else []
        staging = self._ctx.staging(layers)
        dest = Dest(staging.path, rootless=self._ctx.rootless, single_uid=self._ctx.single_uid, warn=self._warn)
        try:
            if ref["kind"] == "local":
                copy(self._tree(base), dest, _EVERYTHING, None)
            for step in reversed(chain):
                self._act(self.actions[step], dest, staging.path)
            dest.finish()
        finally:
            dest.close()
        return layers, staging

    def _act(self, action: dict[str, Any], dest: Dest, root: str) -> None:
        kind = action["action"]
        try:
            owner = self._owner(action, root)
            if kind == "copy":
                copy(self._tree(action.get("secondary_input", -1)), dest, action, owner)
            elif kind == "mkfile":
                simple.mkfile(dest, action, owner)
            elif kind == "mkdir":
                simple.mkdir(dest, action, owner)
            elif kind == "symlink":
                simple.symlink(dest, action, owner)
            else:
                simple.rm(dest, root, action)
        except OSError as error:
            if error.errno in _DISK_TROUBLE:
                raise
            path = action.get("dest") or action.get("path") or action.get("newpath") or "/"
            raise BuildError(f"{kind} {path}: {(error.strerror or str(error)).lower()}", code="LA0315") from error

    def _owner(self, action: dict[str, Any], root: str) -> Owner | None:
        def open_tree(index: int) -> Source:
            if index >= len(self._inputs) and index == action.get("input"):
                return DiskSource(root)  # the tree as it is now, not the same made again
            return self._tree(index)

        return read_owner(action.get("owner"), open_tree, self._warn)

    def _tree(self, index: int) -> Source:
        """The tree of an index, to read from."""
        if index not in self._trees:
            self._trees[index] = self._open_tree(index)
        return self._trees[index]

    def _open_tree(self, index: int) -> Source:
        if index >= len(self._inputs):
            return DiskSource(self._make(index - len(self._inputs))[1].path)
        ref: dict[str, Any] = self._inputs[index] if index >= 0 else {"kind": "layers", "layers": []}
        if ref["kind"] == "host":
            raise BuildError("nothing can be copied from a host directory", code="LA0316")
        if ref["kind"] == "local":
            from ladle.core.content.scan import load_table

            return LocalSource(ref["root"], load_table(ref["table"]))
        return DiskSource(self._ctx.tree(ref))

    def _warn(self, text: str) -> None:
        self._ctx.emit({"type": "log", "stream": 2, "data": f"warning: {text}\n".encode("utf-8", "surrogateescape")})
