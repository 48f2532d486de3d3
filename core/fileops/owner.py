# SPDX-License-Identifier: Apache-2.0
"""Who shall own what an action makes: numeric ids, or names looked up in a tree's /etc/passwd and /etc/group."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from typing import Any

from ladle.core.api.errors import BuildError
from ladle.core.fileops.source import Source

Owner = tuple[int, int]
OpenTree = Callable[[int], Source]
"""Gives the tree of an input index; raises `BuildError` for one that has none."""

MAX_FILE = 10 << 20
_MAX_ID = 0xFFFFFFFE


def read_owner(owner: Mapping[str, Any] | None, open_tree: OpenTree, warn: Callable[[str], None]) -> Owner | None:
    """The user and group id of an owner; None for none. A name that is not found counts as 0, with a warning.

    A user without a group brings the group of its passwd line, or the group with the same number.
    """
    if owner is None:
        return None
    uid = gid = 0
    user, group = owner.get("user"), owner.get("group")
    if user is not None:
        if "name" in user:
            fields = _find(open_tree(_input(user, "user")), "etc/passwd", user["name"])
            if fields is None:
                warn(f"user {user['name']} is not in /etc/passwd: using 0")
            else:
                uid, gid = _number(fields, 2), _number(fields, 3)
        else:
            uid = gid = _id(user)
    if group is not None:
        if "name" in group:
            fields = _find(open_tree(_input(group, "group")), "etc/group", group["name"])
            if fields is None:
                warn(f"group {group['name']} is not in /etc/group: using {gid}")
            else:
                gid = _number(fields, 2)
        else:
            gid = _id(group)
    return uid, gid


def _input(named: Mapping[str, Any], kind: str) -> int:
    index = named.get("input", -1)
    if not isinstance(index, int) or index < 0:
        raise BuildError(
            f"invalid {kind} index: {index}", code="LA0312", help="give numeric ids: there is no passwd file"
        )
    return index


def _id(numbered: Mapping[str, Any]) -> int:
    number = numbered["id"]
    if not isinstance(number, int) or not 0 <= number <= _MAX_ID:
        raise BuildError(f"not a user or group id: {number}", code="LA0312")
    return number


def _find(tree: Source, path: str, name: str) -> list[bytes] | None:
    """The fields of the first line of that name; None if there is none, or no file."""
    wanted = name.encode("utf-8", "surrogateescape")
    for line in _content(tree, path).splitlines():
        fields = line.strip().split(b":")
        if fields[0] == wanted and not line.startswith(b"#"):
            return fields
    return None


def _content(tree: Source, path: str) -> bytes:
    place = tree.resolve(os.fsencode(path))
    mode = tree.mode(place)
    if not mode:
        return b""
    if not stat.S_ISREG(mode):
        raise BuildError(f"/{path} is not a regular file", code="LA0312")
    fd = tree.open_file(place)
    try:
        if os.fstat(fd).st_size > MAX_FILE:
            raise BuildError(f"/{path} is larger than {MAX_FILE} bytes", code="LA0312")
        with os.fdopen(os.dup(fd), "rb") as file:
            return file.read(MAX_FILE)
    finally:
        os.close(fd)


def _number(fields: list[bytes], index: int) -> int:
    try:
        return int(fields[index])
    except (IndexError, ValueError):
        return 0
