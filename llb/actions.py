# SPDX-License-Identifier: Apache-2.0
"""Chains of file actions: `Actions().mkdir("/app").copy(context, "/src", "/app")`, one vertex when put on a state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict

from ladle.llb.errors import LLBError
from ladle.llb.nodes import Inputs, Node, OpOptions, Output
from ladle.llb.ops.file import (
    KEEP,
    Action,
    ById,
    ByName,
    ChownOpt,
    Copy,
    FileAction,
    FileOp,
    MkDir,
    MkFile,
    Rm,
    Symlink,
    UserOpt,
)
from ladle.llb.paths import join, join_keeping_slash
from ladle.llb.values import dataclass

if TYPE_CHECKING:
    from ladle.llb.state import State

Owner: TypeAlias = str | ChownOpt | None
"""`user[:group]` with names or numbers, or the parts themselves."""


class CopyOptions(TypedDict, total=False):
    """Options of a copy; see `ladle.llb.ops.file.Copy`."""

    owner: Owner
    mode: int
    mode_str: str
    follow_symlink: bool
    dir_copy_contents: bool
    attempt_unpack: bool
    create_dest_path: bool
    allow_wildcard: bool
    allow_empty_wildcard: bool
    timestamp: int
    include_patterns: tuple[str, ...]
    exclude_patterns: tuple[str, ...]
    always_replace_existing_dest_paths: bool
    required_paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bound:
    """A chain of actions on a tree of its own, as the source of a copy: only its result is read."""

    actions: Actions
    base: State | None


@dataclass(frozen=True, slots=True)
class _Step:
    kind: type[Copy | MkFile | MkDir | Rm | Symlink]
    values: dict[str, Any]
    source: State | Bound | None = None

    def action(self, directory: str, base: int) -> Action:
        """Return the action with absolute paths and owners that are looked up in input `base`."""
        values = dict(self.values)
        if values.get("owner") is not None:
            values["owner"] = parse_owner(values["owner"], base)
        if self.kind is Copy:
            source = self.source.base if isinstance(self.source, Bound) else self.source
            values["src"] = join("/" if source is None else source.get_dir(), values["src"])
            values["dest"] = join_keeping_slash(directory, values["dest"])
        else:
            name = "newpath" if self.kind is Symlink else "path"
            values[name] = join(directory, values[name])
        return self.kind(**values)


class Actions:
    """An immutable chain of file actions. Relative paths are under the directory of the state they are put on."""

    __slots__ = ("steps",)

    def __init__(self, steps: tuple[_Step, ...] = ()) -> None:
        self.steps = steps

    def _then(self, step: _Step) -> Actions:
        return Actions((*self.steps, step))

    def copy(self, source: State | Bound | None, src: str, dest: str, **options: Any) -> Actions:
        """Copy `src` of a state (or of another chain) to `dest`; options as in `CopyOptions`."""
        unknown = options.keys() - CopyOptions.__annotations__.keys()
        if unknown:
            raise LLBError(f"copy: unknown option {sorted(unknown)[0]!r}")
        return self._then(_Step(Copy, {"src": src, "dest": dest, **options}, source))

    def mkfile(
        self, path: str, data: bytes | str, *, mode: int = 0o644, owner: Owner = None, timestamp: int = KEEP
    ) -> Actions:
        """Make a file."""
        content = data.encode() if isinstance(data, str) else data
        values = {"path": path, "mode": mode, "data": content, "owner": owner, "timestamp": timestamp}
        return self._then(_Step(MkFile, values))

    def mkdir(
        self, path: str, *, mode: int = 0o755, parents: bool = False, owner: Owner = None, timestamp: int = KEEP
    ) -> Actions:
        """Make a directory."""
        values = {"path": path, "mode": mode, "make_parents": parents, "owner": owner, "timestamp": timestamp}
        return self._then(_Step(MkDir, values))

    def rm(self, path: str, *, allow_not_found: bool = False, allow_wildcard: bool = False) -> Actions:
        """Remove a path."""
        values = {"path": path, "allow_not_found": allow_not_found, "allow_wildcard": allow_wildcard}
        return self._then(_Step(Rm, values))

    def symlink(self, oldpath: str, newpath: str, *, owner: Owner = None, timestamp: int = KEEP) -> Actions:
        """Make `newpath` a symbolic link that holds `oldpath`."""
        values = {"oldpath": oldpath, "newpath": newpath, "owner": owner, "timestamp": timestamp}
        return self._then(_Step(Symlink, values))

    def on(self, base: State | None) -> Bound:
        """Return the chain on a tree of its own, to copy from."""
        return Bound(self, base)


class FileNode(Node):
    """A chain of actions on a base: dependencies are the base and what is copied from, in order of use."""

    __slots__ = ("directory", "steps")

    def __init__(self, base: Output | None, directory: str, actions: Actions, options: OpOptions) -> None:
        if not actions.steps:
            raise LLBError("file: there are no actions")
        deps: list[Output | None] = [base]
        for step in actions.steps:
            _collect(step.source, deps)
        super().__init__(tuple(deps), options)
        self.directory = directory
        self.steps = actions.steps

    def lower(self, inputs: Inputs) -> FileOp:
        """Return the op: first every input gets its number, then the actions count on from there."""
        numbers = [inputs.add(dep) for dep in range(len(self.deps))]
        lowering = _Lowering(numbers, len(inputs.edges))
        lowering.chain(self.steps, self.directory)
        return FileOp(actions=tuple(lowering.made))


class _Lowering:
    """Turns chains into numbered actions; `numbers` are the input numbers in the order of `_collect`."""

    def __init__(self, numbers: list[int], first: int) -> None:
        self.numbers = iter(numbers)
        self.first = first
        self.made: list[FileAction] = []

    def chain(self, steps: tuple[_Step, ...], directory: str, *, is_source: bool = False) -> int:
        """Add the actions of a chain, return the index of the last one's result."""
        base = current = next(self.numbers)
        for number, step in enumerate(steps):
            secondary = -1
            if isinstance(step.source, Bound):
                inner = step.source
                where = "/" if inner.base is None else inner.base.get_dir()
                secondary = self.chain(inner.actions.steps, where, is_source=True)
            elif step.source is not None:
                secondary = next(self.numbers)
            output = 0 if number == len(steps) - 1 and not is_source else -1
            action = step.action(directory, base)
            self.made.append(FileAction(action=action, input=current, secondary_input=secondary, output=output))
            current = self.first + len(self.made) - 1
        return current


def _collect(source: State | Bound | None, deps: list[Output | None]) -> None:
    if isinstance(source, Bound):
        if not source.actions.steps:
            raise LLBError("file: there are no actions")
        deps.append(None if source.base is None else source.base.output)
        for step in source.actions.steps:
            _collect(step.source, deps)
    elif source is not None:
        deps.append(source.output)


def parse_owner(owner: str | ChownOpt, base: int) -> ChownOpt:
    """Return the parts of `user[:group]`; names are looked up in input `base`."""
    if isinstance(owner, ChownOpt):
        return ChownOpt(user=_rebased(owner.user, base), group=_rebased(owner.group, base))
    user, _, group = owner.partition(":")
    return ChownOpt(user=_half(user, base), group=_half(group, base))


def _rebased(half: UserOpt | None, base: int) -> UserOpt | None:
    return ByName(name=half.name, input=base) if isinstance(half, ByName) else half


def _half(text: str, base: int) -> UserOpt | None:
    if not text:
        return None
    return ById(id=int(text)) if text.isascii() and text.isdigit() else ByName(name=text, input=base)
