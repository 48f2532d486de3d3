# SPDX-License-Identifier: Apache-2.0
"""The actions mkdir, mkfile, rm and symlink, as BuildKit does them (LLB-19 to LLB-22)."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import Any

from ladle.core.api.errors import BuildError
from ladle.core.api.patterns import clean, has_wildcard
from ladle.core.content.digest import NotFoundError, expand
from ladle.core.fileops.copy import utime_of
from ladle.core.fileops.dest import CONFLICT, Dest, Owner
from ladle.core.fileops.source import DiskSource, shown

_CODE = "LA0314"


def mkdir(dest: Dest, action: Mapping[str, Any], owner: Owner | None) -> None:
    """Make a directory; one that exists is left as it is."""
    path = dest.resolve(action["path"])
    utime = utime_of(action)
    if action.get("make_parents"):
        dest.make_dirs(path, action["mode"], owner, utime)
        return
    if not path or dest.stat(path) is not None:
        return
    parent = path.rpartition(b"/")[0]
    if dest.stat(parent) is None:
        raise BuildError(f"mkdir {shown(path)}: no such file or directory", code=_CODE)
    dest.make_dirs(path, action["mode"], owner, utime)


def mkfile(dest: Dest, action: Mapping[str, Any], owner: Owner | None) -> None:
    """Write a file; one that exists keeps its mode and, without an owner given, its owner."""
    path = dest.resolve(action["path"])
    fd, name = _parent(dest, path, "open")
    data = action["data"]
    try:
        there = dest.stat(path)
        if there is not None and not stat.S_ISREG(there.st_mode):
            raise BuildError(f"open {shown(path)}: not a regular file", code=CONFLICT)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        out = os.open(name, flags, 0o600, dir_fd=fd)
        try:
            view = memoryview(data.encode() if isinstance(data, str) else data)
            while view:
                view = view[os.write(out, view) :]
            if owner is not None or there is None:
                dest.chown(out, owner or (0, 0))
            if there is None:
                os.fchmod(out, action["mode"] & 0o777)
            utime = utime_of(action)
            if utime is not None:
                os.utime(out, ns=(utime, utime))
        finally:
            os.close(out)
    finally:
        os.close(fd)


def symlink(dest: Dest, action: Mapping[str, Any], owner: Owner | None) -> None:
    """Make a symbolic link; something that exists at its place is an error."""
    path = dest.resolve(action["newpath"])
    fd, name = _parent(dest, path, "symlink")
    try:
        os.symlink(os.fsencode(action["oldpath"]), name, dir_fd=fd)
        dest.chown_name(fd, name, owner or (0, 0))
        utime = utime_of(action)
        if utime is not None:
            os.utime(name, ns=(utime, utime), dir_fd=fd, follow_symlinks=False)
    except FileExistsError as error:
        raise BuildError(f"symlink {shown(path)}: file exists", code=CONFLICT) from error
    finally:
        os.close(fd)


def rm(dest: Dest, root: str, action: Mapping[str, Any]) -> None:
    """Remove a path with all below it; a final link is not followed. `root` is where `dest` is on disk."""
    path = action["path"]
    if action.get("allow_wildcard") and has_wildcard(path):
        tree = DiskSource(root)
        try:
            for found in expand(tree, path):
                dest.remove(found)
        finally:
            tree.close()
        return
    wanted = clean("/" + path)
    if wanted == "/":
        raise BuildError("rm: the root cannot be removed", code=_CODE)
    place = dest.resolve(wanted, follow_last=False)
    if dest.stat(place) is None:
        if action.get("allow_not_found"):
            return
        raise NotFoundError(path)
    dest.remove(place)


def _parent(dest: Dest, path: bytes, verb: str) -> tuple[int, bytes]:
    """The open parent directory of a resolved path, and the last name."""
    parent, _, name = path.rpartition(b"/")
    if not name:
        raise BuildError(f"{verb} /: is a directory", code=CONFLICT)
    try:
        return dest.open_dir(parent), name
    except BuildError as error:
        raise BuildError(f"{verb} {shown(path)}: no such file or directory", code=_CODE) from error
