# SPDX-License-Identifier: Apache-2.0
"""One line that says what an op does."""

from __future__ import annotations

from shlex import quote

from ladle.llb.ops import (
    BuildOp,
    ById,
    ByName,
    ChownOpt,
    Copy,
    DiffOp,
    ExecOp,
    FileAction,
    FileOp,
    MergeOp,
    MkDir,
    MkFile,
    Op,
    Rm,
    SourceOp,
)


def op_label(op: Op) -> str:
    """Return the kind of an op and what it is about."""
    if isinstance(op, SourceOp):
        return f"source {op.identifier}"
    if isinstance(op, ExecOp):
        return "exec " + " ".join(quote(arg) for arg in op.meta.args)
    if isinstance(op, FileOp):
        first = action_label(op.actions[0])
        return f"file {first}" if len(op.actions) == 1 else f"file {first} (+{len(op.actions) - 1})"
    if isinstance(op, MergeOp):
        return f"merge of {len(op.inputs)}"
    if isinstance(op, DiffOp):
        return "diff"
    if isinstance(op, BuildOp):
        return "build"
    return f"passthrough {op.id}"


def action_label(item: FileAction) -> str:
    """Return what a file action does to which paths."""
    action = item.action
    if isinstance(action, Copy):
        return f"copy {quote(action.src)} -> {quote(action.dest)}"
    if isinstance(action, MkFile):
        return f"mkfile {quote(action.path)} ({len(action.data)} bytes)"
    if isinstance(action, (MkDir, Rm)):
        return f"{'rm' if isinstance(action, Rm) else 'mkdir'} {quote(action.path)}"
    return f"symlink {quote(action.newpath)} -> {quote(action.oldpath)}"


def owner_label(owner: ChownOpt) -> str:
    """Return `user:group`, with `-` for a half that is left alone."""
    return ":".join(_half(half) for half in (owner.user, owner.group))


def _half(half: ByName | ById | None) -> str:
    if half is None:
        return "-"
    return half.name if isinstance(half, ByName) else str(half.id)


def kind_label(op: Op) -> str:
    """Return the kind of an op in one word."""
    return type(op).__name__.removesuffix("Op").lower()
