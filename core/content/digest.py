# SPDX-License-Identifier: Apache-2.0
"""The digest of what a selector selects in a tree: what the cache key of a COPY or of a read-only mount is made of.

A selector without wildcards or filters gives the digest of the file or directory it leads to, in which the selected
path's own name is not: a renamed source keeps its key. With a wildcard it is a list of the base names and digests of
what matches; with filters, of the paths below the source, headers only for directories.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from ladle.core.api.errors import BuildError
from ladle.core.api.patterns import Matcher, glob_match, has_wildcard
from ladle.core.content.follow import resolve
from ladle.core.content.walk import Filter

_TAG = b"ladle-selection-1\n"


class NotFoundError(BuildError):
    """The path that a selector names does not exist in the tree."""

    def __init__(self, path: str) -> None:
        super().__init__(f'"/{path.strip("/")}": not found', code="LA0301")


class Tree(Protocol):
    """A tree that digests can be taken of. Paths are relative, clean, and without links in their parents."""

    def mode(self, path: bytes) -> int:
        """The st_mode of the entry at a path, 0 if there is none; the empty path is a directory."""
        ...

    def link(self, path: bytes) -> bytes | None:
        """The target of the link at a path; None if there is none."""
        ...

    def names(self, path: bytes) -> list[bytes]:
        """The sorted names in a directory."""
        ...

    def own_digest(self, path: bytes) -> bytes:
        """The digest of an entry by itself."""
        ...

    def tree_digest(self, path: bytes) -> bytes:
        """The digest of a directory with all that is in it."""
        ...


def select(tree: Tree, selector: Mapping[str, Any]) -> str:
    """The digest (`sha256:…`) of what a selector selects; raises `NotFoundError` if its path leads nowhere."""
    path = selector.get("path", "") or "/"
    follow = bool(selector.get("follow_links"))
    chosen = _filter(selector)
    if selector.get("wildcard") and has_wildcard(path):
        parts = [
            (found.rpartition(b"/")[2], _digest(tree, _resolved(tree, found, follow), chosen))
            for found in expand(tree, path)
            if not (chosen is not None and _dropped(tree, found, follow, chosen))
        ]
        return "sha256:" + _joined(b"wildcard", parts).hex()
    place = _resolved(tree, path.encode("utf-8", "surrogateescape"), follow)
    if not _exists(tree, place):
        raise NotFoundError(path)
    return "sha256:" + _digest(tree, place, chosen).hex()


def expand(tree: Tree, path: str) -> list[bytes]:
    """The paths that a path with wildcards matches, in order. Links are followed only before the first wildcard.

    Raises `NotFoundError` if the part before the first wildcard leads nowhere.
    """
    parts = [part for part in path.split("/") if part not in ("", ".")]
    fixed = next((index for index, part in enumerate(parts) if has_wildcard(part)), len(parts))
    start = "/".join(parts[:fixed])
    base = resolve(tree.link, start.encode("utf-8", "surrogateescape"))
    if not _exists(tree, base):
        raise NotFoundError(start)
    found = [base]
    for part in parts[fixed:]:
        matched = []
        for directory in found:
            if stat.S_ISDIR(tree.mode(directory)):
                names = tree.names(directory)
                matched += [join(directory, name) for name in names if _matches(part, name)]
        found = matched
    return found


def below(tree: Tree, top: bytes, chosen: Filter) -> Iterator[bytes]:
    """The paths below the directory `top` that a filter chooses, and the directories above these; parents first.

    The filter's patterns are relative to `top`.
    """
    skip = len(top) + 1 if top else 0
    passed: list[bytes] = []
    stack: list[tuple[bytes, tuple[int, int]]] = [(join(top, name), (-1, -1)) for name in reversed(tree.names(top))]
    while stack:
        path, above = stack.pop()
        keep, steps = chosen.judge(path[skip:], above)
        while passed and not path.startswith(passed[-1] + b"/"):
            passed.pop()
        if keep:
            yield from passed
            passed.clear()
            yield path
        if stat.S_ISDIR(tree.mode(path)) and (keep or chosen.descends(path[skip:], steps)):
            if not keep:
                passed.append(path)
            stack += [(join(path, name), steps) for name in reversed(tree.names(path))]


def join(directory: bytes, name: bytes) -> bytes:
    """A relative path; the directory may be the root."""
    return directory + b"/" + name if directory else name


def make_filter(include: Iterable[str], exclude: Iterable[str]) -> Filter | None:
    """The filter of include and exclude patterns; None if there are none. Bad patterns raise `BuildError`."""
    included, excluded = list(include), list(exclude)
    if not included and not excluded:
        return None
    try:
        return Filter(Matcher(included) if included else None, Matcher(excluded) if excluded else None)
    except ValueError as error:
        raise BuildError(str(error), code="LA0305") from error


def _filter(selector: Mapping[str, Any]) -> Filter | None:
    return make_filter(selector.get("include") or (), selector.get("exclude") or ())


def _resolved(tree: Tree, path: bytes, follow: bool) -> bytes:
    return resolve(tree.link, path, follow_last=follow)


def _exists(tree: Tree, path: bytes) -> bool:
    return tree.mode(path) != 0


def _matches(pattern: str, name: bytes) -> bool:
    return glob_match(pattern, name.decode("utf-8", "surrogateescape"))


def _dropped(tree: Tree, path: bytes, follow: bool, chosen: Filter) -> bool:
    """Whether an exclude pattern names a file that a wildcard matched (directories are filtered from within)."""
    if stat.S_ISDIR(tree.mode(_resolved(tree, path, follow))):
        return False
    return chosen.excludes(path.rpartition(b"/")[2])


def _digest(tree: Tree, path: bytes, chosen: Filter | None) -> bytes:
    mode = tree.mode(path)
    if not stat.S_ISDIR(mode):
        return tree.own_digest(path) if mode else b"absent"
    if chosen is None:
        return tree.tree_digest(path)
    skip = len(path) + 1 if path else 0
    parts = [(found[skip:], tree.own_digest(found)) for found in below(tree, path, chosen)]
    return _joined(b"filtered", [(b"", tree.own_digest(path)), *parts])


def _joined(kind: bytes, parts: Iterable[tuple[bytes, bytes]]) -> bytes:
    hasher = hashlib.sha256(_TAG + kind + b"\n")
    for name, digest in parts:
        hasher.update(b"%d:%b%d:%b" % (len(name), name, len(digest), digest))
    return hasher.digest()
