# SPDX-License-Identifier: Apache-2.0
"""Who a step runs as: the rules of `USER` over the passwd and group files of the step's own root."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass

from ladle.core.api.errors import BuildError
from ladle.core.worker.inroot import open_in_root

MAX_FILE = 10 << 20
MAX_ID = (1 << 31) - 1


@dataclass(frozen=True, slots=True)
class Identity:
    """A resolved user: `groups` always holds `gid`; `home` is `/` where the passwd file names none."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str


@dataclass(frozen=True, slots=True)
class _Account:
    name: str
    uid: int
    gid: int
    home: str


@dataclass(frozen=True, slots=True)
class _Group:
    name: str
    gid: int
    members: tuple[str, ...]


def resolve_user(root_fd: int, spec: str) -> Identity:
    """Resolve `name`, `uid`, `name:group`, `uid:gid` or "" (root) in the root that `root_fd` is open on.

    A group that is named leaves no supplementary groups; otherwise they come from the group file. Raises
    `BuildError` for names that the files do not have.
    """
    user, _, group = spec.partition(":")
    uid, gid = _number(user), _number(group)
    accounts = _accounts(root_fd)
    if uid is not None and gid is not None:
        return Identity(uid, gid, (gid,), _home(accounts, uid))
    account = _find(accounts, user, uid)
    if account is None:
        account = _unlisted(user, uid)
    if group:
        chosen = _explicit_group(root_fd, group, gid)
        return Identity(account.uid, chosen, (chosen,), _home(accounts, account.uid))
    extra = [entry.gid for entry in _groups(root_fd) if account.name and account.name in entry.members]
    groups = tuple(dict.fromkeys([*extra] if account.gid in extra else [account.gid, *extra]))
    return Identity(account.uid, account.gid, groups, _home(accounts, account.uid))


def _number(text: str) -> int | None:
    if not (text.isascii() and text.isdigit()):
        return None
    value = int(text) if len(text) < 16 else MAX_ID + 1
    if value > MAX_ID:
        raise BuildError(f"uids and gids must be in range 0-{MAX_ID}: {text}", code="EX0002")
    return value


def _find(accounts: list[_Account], user: str, uid: int | None) -> _Account | None:
    wanted = 0 if not user else uid
    for account in accounts:
        if account.uid == wanted if wanted is not None else account.name == user:
            return account
    return None


def _unlisted(user: str, uid: int | None) -> _Account:
    if user and uid is None:
        raise BuildError(f"unable to find user {user}: no matching entries in passwd file", code="EX0001")
    return _Account("", uid or 0, 0, "/")


def _explicit_group(root_fd: int, group: str, gid: int | None) -> int:
    if gid is not None:
        return gid
    for entry in _groups(root_fd):
        if entry.name == group:
            return entry.gid
    raise BuildError(f"unable to find group {group}: no matching entries in group file", code="EX0001")


def _home(accounts: list[_Account], uid: int) -> str:
    return next((account.home for account in accounts if account.uid == uid and account.home), "/")


def _accounts(root_fd: int) -> list[_Account]:
    found = []
    for fields in _lines(root_fd, "/etc/passwd"):
        fields += [""] * (7 - len(fields))
        try:
            found.append(_Account(fields[0], int(fields[2]), int(fields[3]), fields[5]))
        except ValueError:
            continue
    return found


def _groups(root_fd: int) -> list[_Group]:
    found = []
    for fields in _lines(root_fd, "/etc/group"):
        fields += [""] * (4 - len(fields))
        try:
            found.append(_Group(fields[0], int(fields[2]), tuple(fields[3].split(","))))
        except ValueError:
            continue
    return found


def _lines(root_fd: int, path: str) -> list[list[str]]:
    """The colon-separated lines of a file of the image; nothing if it is absent, an error if it is no plain file."""
    try:
        fd = open_in_root(root_fd, path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return []
        raise BuildError(f"cannot read {path} of the step's root: {error.strerror}", code="EX0003") from error
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise BuildError(f"{path} in the step's root is not a regular file", code="EX0003")
        if status.st_size > MAX_FILE:
            raise BuildError(f"{path} in the step's root is larger than {MAX_FILE} bytes", code="EX0003")
        with os.fdopen(os.dup(fd), "rb") as file:
            data = file.read(MAX_FILE)
    finally:
        os.close(fd)
    lines = (line.strip() for line in os.fsdecode(data).split("\n"))
    return [line.split(":") for line in lines if line]
