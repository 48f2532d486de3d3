# SPDX-License-Identifier: Apache-2.0
"""Changes to a tree that need no process: an ordered list of actions, one vertex."""

from __future__ import annotations

from ladle.llb.errors import LLBError
from ladle.llb.ops.checks import check_in_range, check_index, check_outputs, check_text
from ladle.llb.values import dataclass

KEEP = -1
"""As a mode or timestamp: leave as the source has it (or as it comes)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ById:
    """An owner by number."""

    id: int

    def __post_init__(self) -> None:
        if not 0 <= self.id < 2**32:
            raise LLBError(f"owner: id {self.id} is out of range")


@dataclass(frozen=True, slots=True, kw_only=True)
class ByName:
    """An owner by name, looked up in the account files of the tree `input`."""

    name: str
    input: int = 0

    def __post_init__(self) -> None:
        check_text("owner", "name", self.name)
        check_index("owner", "input", self.input)


UserOpt = ByName | ById


@dataclass(frozen=True, slots=True, kw_only=True)
class ChownOpt:
    """The owner of what an action makes; None leaves that half alone."""

    user: UserOpt | None = None
    group: UserOpt | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """Copy `src` of the secondary input to `dest`; `mode_str` is a symbolic mode such as `u=rwX`."""

    src: str
    dest: str
    owner: ChownOpt | None = None
    mode: int = KEEP
    mode_str: str = ""
    follow_symlink: bool = False
    dir_copy_contents: bool = False
    attempt_unpack: bool = False
    create_dest_path: bool = False
    allow_wildcard: bool = False
    allow_empty_wildcard: bool = False
    timestamp: int = KEEP
    include_patterns: tuple[str, ...] = ()
    exclude_patterns: tuple[str, ...] = ()
    always_replace_existing_dest_paths: bool = False
    required_paths: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_text("copy", "src", self.src)
        check_text("copy", "dest", self.dest)
        _check_mode("copy", self.mode, lowest=KEEP)


@dataclass(frozen=True, slots=True, kw_only=True)
class MkFile:
    """Make the file `path` with these contents."""

    path: str
    mode: int = 0o644
    data: bytes = b""
    owner: ChownOpt | None = None
    timestamp: int = KEEP

    def __post_init__(self) -> None:
        check_text("mkfile", "path", self.path)
        _check_mode("mkfile", self.mode)


@dataclass(frozen=True, slots=True, kw_only=True)
class MkDir:
    """Make the directory `path`."""

    path: str
    mode: int = 0o755
    make_parents: bool = False
    owner: ChownOpt | None = None
    timestamp: int = KEEP

    def __post_init__(self) -> None:
        check_text("mkdir", "path", self.path)
        _check_mode("mkdir", self.mode)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rm:
    """Remove `path`; a final symbolic link is removed itself, not what it points to."""

    path: str
    allow_not_found: bool = False
    allow_wildcard: bool = False

    def __post_init__(self) -> None:
        check_text("rm", "path", self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Symlink:
    """Make `newpath` a symbolic link that holds the text `oldpath`."""

    oldpath: str
    newpath: str
    owner: ChownOpt | None = None
    timestamp: int = KEEP

    def __post_init__(self) -> None:
        check_text("symlink", "oldpath", self.oldpath)
        check_text("symlink", "newpath", self.newpath)


Action = Copy | MkFile | MkDir | Rm | Symlink


@dataclass(frozen=True, slots=True, kw_only=True)
class FileAction:
    """One action on `input`: an op input, or beyond those the result of action number `input - inputs`.

    `secondary_input` is what a copy reads; `output` -1 keeps the result for later actions only.
    """

    action: Action
    input: int = -1
    secondary_input: int = -1
    output: int = -1

    def __post_init__(self) -> None:
        check_index("file action", "input", self.input)
        check_index("file action", "secondary_input", self.secondary_input)
        check_index("file action", "output", self.output)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOp:
    """Actions in order; those with an output number are what later vertices can use."""

    actions: tuple[FileAction, ...]

    def __post_init__(self) -> None:
        if not self.actions:
            raise LLBError("file: there are no actions")
        if not check_outputs("file", (action.output for action in self.actions)):
            raise LLBError("file: no action has an output")

    @property
    def output_count(self) -> int:
        """How many outputs a vertex of this op has."""
        return sum(1 for action in self.actions if action.output >= 0)

    def check_inputs(self, count: int) -> None:
        """Refuse an action that refers to an input that is not there or an action that is not earlier."""
        for number, act in enumerate(self.actions, count):
            if act.input >= number or act.secondary_input >= number:
                owner = f"file: action {number - count}"
                check_in_range(owner, "input", act.input, number)
                check_in_range(owner, "secondary_input", act.secondary_input, number)
            chown = None if isinstance(act.action, Rm) else act.action.owner
            for half in (chown.user, chown.group) if chown else ():
                if isinstance(half, ByName):
                    check_in_range(f"file: action {number - count}", "owner's input", half.input, number)


def _check_mode(owner: str, mode: int, lowest: int = 0) -> None:
    if not lowest <= mode < 2**31:
        raise LLBError(f"{owner}: mode {mode} is out of range")
