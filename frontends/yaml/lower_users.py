# SPDX-License-Identifier: Apache-2.0
"""Users and groups, made without the tools that differ between distributions: `users`."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from ladle.core.api.diagnostics import DiagnosticError
from ladle.frontends.yaml import errors
from ladle.frontends.yaml.nodes import Mapping, Node, items
from ladle.frontends.yaml.work import Work, placed
from ladle.llb.actions import Actions
from ladle.llb.ops import ById, ChownOpt
from ladle.llb.values import dataclass

if TYPE_CHECKING:
    from ladle.frontends.yaml.nodes import Entry

_FIRST = 1000
_NOT_MADE = "/nonexistent"
_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,31}", re.ASCII)
_PATH = re.compile(r"/[^:\n]*")
_ADD = """\
set -e
lacks() { ! grep -q "^$2" "$1" 2>/dev/null; }
add() { printf '%s\\n' "$2" >> "$1"; }
umask 022
mkdir -p /etc
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _User:
    name: str
    uid: int
    gid: int
    group: str
    home: str
    shell: str
    node: Node

    @property
    def passwd(self) -> str:
        """The line of /etc/passwd."""
        return f"{self.name}:x:{self.uid}:{self.gid}::{self.home}:{self.shell}"


def lower_users(work: Work, entry: Entry) -> None:
    """Make users with their groups and homes, in one layer."""
    users = _users(work, entry)
    text = f"users: {' '.join(user.name for user in users)}"
    options = work.options(text, entry.span, platform=True)
    with placed(entry.span):
        if work.state.is_scratch:
            work.state = work.state.file(_files(users, work.build.timestamp), **work.options(text, entry.span))
        else:
            work.state = work.state.run(["/bin/sh", "-c", _script(users)], cwd="/", user="", **options).root
    if work.context is not None:
        work.context.use("/")
    work.record(text, layer=True)


def _users(work: Work, entry: Entry) -> list[_User]:
    found: list[_User] = []
    following = _FIRST
    for node in items(entry.value):
        user = _user(work, node, following)
        following = max(following, user.uid + 1)
        if any(user.name == other.name or user.uid == other.uid for other in found):
            raise DiagnosticError([errors.same_user(f"{user.name} ({user.uid})", node.span)])
        found.append(user)
    return found


def _user(work: Work, node: Node, uid: int) -> _User:
    scope = work.stage.scope
    detail = node if isinstance(node, Mapping) else Mapping((), node.span)
    name = scope.optional(detail, "name") if isinstance(node, Mapping) else scope.text(node)
    uid = scope.number(detail, "uid", uid, 1)
    group = scope.optional(detail, "group", name)
    for text in (name, group):
        if not _NAME.fullmatch(text):
            raise DiagnosticError([errors.bad_form(text[:80], _NAME.pattern, "a name", node.span)])
    home, shell = scope.optional(detail, "home", f"/home/{name}"), scope.optional(detail, "shell", "/bin/sh")
    for text in (home, shell):
        if not _PATH.fullmatch(text):
            raise DiagnosticError([errors.bad_form(text[:80], _PATH.pattern, "a path", node.span)])
    gid = scope.number(detail, "gid", uid)
    return _User(name=name, uid=uid, gid=gid, group=group, home=home, shell=shell, node=node)


def _files(users: list[_User], timestamp: int) -> Actions:
    """Return what makes users where there is nothing yet: root's line, theirs, and their homes."""
    groups = {user.group: user.gid for user in users}
    passwd = ["root:x:0:0:root:/root:/bin/sh", *(user.passwd for user in users)]
    group = ["root:x:0:", *(f"{name}:x:{gid}:" for name, gid in groups.items())]
    chain = Actions().mkdir("/etc", timestamp=timestamp, parents=True)
    for path, lines in (("/etc/passwd", passwd), ("/etc/group", group)):
        chain = chain.mkfile(path, "\n".join([*lines, ""]), timestamp=timestamp)
    for user in users:
        if user.home not in ("/", _NOT_MADE):
            owner = ChownOpt(user=ById(id=user.uid), group=ById(id=user.gid))
            parent = user.home.rstrip("/").rpartition("/")[0]
            if parent:
                chain = chain.mkdir(parent, parents=True, timestamp=timestamp)
            chain = chain.mkdir(user.home, parents=True, owner=owner, timestamp=timestamp)
    return chain


def _script(users: list[_User]) -> str:
    """Return what makes users in a tree with a shell; a name or number that is taken is an error."""
    lines = [_ADD]
    for group, gid in {user.group: user.gid for user in users}.items():
        lines.append(f"if lacks /etc/group {group}:; then add /etc/group {group}:x:{gid}:; fi")
    for user in users:
        taken = f"if ! lacks /etc/passwd {user.name}: || ! lacks /etc/passwd '[^:]*:[^:]*:{user.uid}:'"
        message = shlex.quote(f"the user {user.name} or the number {user.uid} is there already")
        lines += [
            f"{taken}; then echo {message} >&2; exit 1; fi",
            f"add /etc/passwd {shlex.quote(user.passwd)}",
            f"if [ -f /etc/shadow ]; then add /etc/shadow '{user.name}:!:::::::'; fi",
        ]
        if user.home not in ("/", _NOT_MADE):
            home = shlex.quote(user.home)
            lines.append(f"mkdir -p {home}; chown {user.uid}:{user.gid} {home}; chmod 755 {home}")
    return "\n".join([*lines, ""])
