# SPDX-License-Identifier: Apache-2.0
"""The runner of a file op: the worker's `file` job. Copy sources count by content, what is changed by its record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from ladle.core.api.refs import layers_ref
from ladle.core.build.runners.base import BY_RECORD, BaseRunner
from ladle.core.solver.api import InputUse
from ladle.llb.ops.file import ById, ByName, ChownOpt, Copy, FileAction, FileOp

if TYPE_CHECKING:
    from ladle.core.build.runners.environment import Result

_NAMES = {"Copy": "copy", "MkFile": "mkfile", "MkDir": "mkdir", "Rm": "rm", "Symlink": "symlink"}


class FileRunner(BaseRunner[FileOp]):
    """Runs a file op."""

    def uses(self) -> Sequence[InputUse]:
        """Return by content what is only copied from."""
        count = len(self.vertex.inputs)
        selectors: list[list[dict[str, Any]]] = [[] for _ in range(count)]
        whole = {action.input for action in self.op.actions} | set(self._owner_inputs())
        for action in self.op.actions:
            if isinstance(action.action, Copy) and 0 <= action.secondary_input < count:
                selectors[action.secondary_input].append(_selector(action.action))
        return [
            BY_RECORD
            if index in whole or not selectors[index]
            else InputUse(by_content=True, selectors=selectors[index])
            for index in range(count)
        ]

    def _owner_inputs(self) -> list[int]:
        owners = [getattr(action.action, "owner", None) for action in self.op.actions]
        return [
            half.input
            for owner in owners
            if isinstance(owner, ChownOpt)
            for half in (owner.user, owner.group)
            if isinstance(half, ByName)
        ]

    async def run(self, inputs: Sequence[Result]) -> Sequence[Result]:
        """Run the actions; each output is its base's layers and one more."""
        snapshots = self.services.snapshots
        outputs = {action.output: snapshots.allocate() for action in self.op.actions if action.output >= 0}
        args = {
            "inputs": [self.environment.ref(result) for result in inputs],
            "actions": [_action(action) for action in self.op.actions],
            "snapshots": {str(index): snapshot for index, snapshot in sorted(outputs.items())},
        }
        done = await self.services.worker.run("file", args, on_event=self.events())
        results = []
        for index in sorted(outputs):
            made = done["outputs"][index]
            layers = list(made["base"])
            if made["snapshot"] is not None:
                snapshots.commit(outputs[index])
                layers.append(outputs[index])
            results.append(layers_ref(layers))
        return results


def _selector(copy: Copy) -> dict[str, Any]:
    return {
        "path": copy.src,
        "wildcard": copy.allow_wildcard,
        "follow_links": copy.follow_symlink,
        "include": list(copy.include_patterns),
        "exclude": list(copy.exclude_patterns),
    }


def _action(action: FileAction) -> dict[str, Any]:
    """Return an action as the job takes it: its fields by name."""
    values = {field.name: _plain(getattr(action.action, field.name)) for field in fields(action.action)}
    return {
        "action": _NAMES[type(action.action).__name__],
        "input": action.input,
        "secondary_input": action.secondary_input,
        "output": action.output,
        **values,
    }


def _plain(value: object) -> object:
    if isinstance(value, ChownOpt):
        return {"user": _plain(value.user), "group": _plain(value.group)}
    if isinstance(value, ById):
        return {"id": value.id}
    if isinstance(value, ByName):
        return {"name": value.name, "input": value.input}
    return list(value) if isinstance(value, tuple) else value
