# SPDX-License-Identifier: Apache-2.0
"""Resolving symbolic links inside a root, by look-up functions: for tables of entries and for directories alike."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence

from ladle.core.api.errors import BuildError
from ladle.core.api.patterns import clean, glob_match, has_wildcard

MAX_LINKS = 255

Target = Callable[[bytes], bytes | None]
"""Says of a relative path without links in its parents: the target if it is a link, else None."""


def resolve(target: Target, path: bytes, *, follow_last: bool = True) -> bytes:
    """The relative path that `path` leads to inside the root, links and `..` resolved; what is absent is kept as it is.

    Absolute links and `..` are clamped to the root. Raises `BuildError` after 255 links.
    """
    done: list[bytes] = []
    todo = [part for part in reversed(path.split(b"/")) if part not in (b"", b".")]
    links = 0
    while todo:
        part = todo.pop()
        if part == b"..":
            del done[-1:]
            continue
        done.append(part)
        if not todo and not follow_last:
            break
        link = target(b"/".join(done))
        if link is None:
            continue
        links += 1
        if links > MAX_LINKS:
            raise BuildError(f'"/{os.fsdecode(path).strip("/")}": too many levels of symbolic links', code="LA0306")
        done = [] if link.startswith(b"/") else done[:-1]
        todo += [step for step in reversed(link.split(b"/")) if step not in (b"", b".")]
    return b"/".join(done)


def follow_links(root: str, paths: Sequence[str]) -> list[str] | None:
    """The include patterns for `paths`: themselves, the links on their way, and what these lead to.

    None means everything. A part may hold wildcards: links among what it matches are followed as well.
    """
    found: set[str] = set()
    todo = list(reversed(paths))
    while todo:
        current = ""
        parts = [part for part in todo.pop().split("/") if part not in ("", ".")]
        for index, part in enumerate(parts):
            current = clean(f"/{current}/{part}")[1:]
            last = index == len(parts) - 1
            targets = _targets(root, current)
            if (targets or last) and current in found:
                break
            if targets or last:
                found.add(current)
            if targets:
                rest = "/".join(parts[index + 1 :])
                todo += [f"{target}/{rest}" for target in targets]
                if not has_wildcard(part):
                    break
        if not current:
            return None
    return _without_covered(sorted(found))


def _targets(root: str, path: str) -> list[str]:
    """Where the links at `path` lead, relative to the root; none if nothing there is a link."""
    parent, _, name = path.rpartition("/")
    if not has_wildcard(name):
        return _link(root, path)
    if has_wildcard(parent):
        return []
    try:
        names = os.listdir(os.path.join(root, parent))
    except OSError:
        return []
    out = []
    for other in sorted(names):
        if glob_match(name, other):
            out += _link(root, f"{parent}/{other}" if parent else other)
    return out


def _link(root: str, path: str) -> list[str]:
    place = os.path.join(root, path)
    try:
        if not stat.S_ISLNK(os.lstat(place).st_mode):
            return []
        link = os.readlink(place)
    except OSError:
        return []
    parent = path.rpartition("/")[0]
    return [clean(link if link.startswith("/") else f"/{parent}/{link}")]


def _without_covered(paths: list[str]) -> list[str]:
    out: list[str] = []
    for path in paths:
        if not (out and path.startswith(out[-1] + "/")):
            out.append(path)
    return out
