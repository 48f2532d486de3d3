# SPDX-License-Identifier: Apache-2.0
"""Which part of a tree goes into an output of files: `src=` as people write it, and what it means in a tree.

A path without wildcards names a directory, whose contents are taken, or anything else, which is taken under its own
name. In a pattern, the components before the first one with a wildcard are where names begin: what matches is called
by its path below there. `/./` in a path says otherwise: names begin there, as in rsync. Docker's pattern rules hold
(`*` and `?` stop at a slash, `**` is any number of components, dot files are like others), and with a directory goes
all that is in it. Links are followed in the fixed part alone, never out of the tree.
"""

from __future__ import annotations

import os
import posixpath
import re

from ladle.core.api.errors import BuildError
from ladle.core.api.patterns import Matcher, PatternError, Rule, check, has_wildcard
from ladle.core.layers import errors
from ladle.core.worker.inroot import open_in_root
from ladle.llb.values import dataclass

LIMIT = 4096
"""The longest `src=` in characters."""
_ALL = frozenset(["*", "**", "**/*", "*/**", "**/**"])
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_SHOWN_NAMES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """One `src=`: names begin at `base`; `pattern` is what they must match, "" for everything.

    `named` says that the text has no wildcard: then the last component of `base` may be something else than a
    directory, which is taken by itself.
    """

    text: str
    base: str
    pattern: str
    named: bool = False


def parse_selection(text: str) -> Selection:
    """Return what a `src=` means; raises `ValueError` saying what is wrong with it."""
    if not text or "\0" in text or "\n" in text:
        raise ValueError("it is empty" if not text else "it holds a null byte or a line feed")
    if len(text) > LIMIT:
        raise ValueError(f"it is longer than {LIMIT} characters")
    front, pivot, rest = text.partition("/./")
    rest = posixpath.normpath("/" + rest).strip("/")
    try:
        check(text)
    except PatternError as error:
        raise ValueError(f"{error.reason} at position {error.position}") from None
    if pivot and rest:
        parts = _parts(front)
        if any(has_wildcard(part) for part in parts):
            raise ValueError("there is a wildcard before /./")
        return Selection(text=text, base=_literal(parts), pattern="" if rest in _ALL else rest)
    parts = _parts(text)
    fixed = next((index for index, part in enumerate(parts) if has_wildcard(part)), len(parts))
    pattern = "/".join(parts[fixed:])
    base = _literal(parts[:fixed])
    return Selection(text=text, base=base, pattern="" if pattern in _ALL else pattern, named=fixed == len(parts))


def open_selection(root_fd: int, selection: Selection) -> tuple[int, Matcher | None]:
    """Open the directory where names begin; the matcher is None where all of it is wanted.

    Raises `BuildError` if the fixed part of the selection is not there.
    """
    matcher = Matcher([Rule(selection.pattern)]) if selection.pattern else None
    try:
        return open_in_root(root_fd, os.fsencode(selection.base) or b".", _FOLDER), matcher
    except OSError as error:
        reason = error
    if selection.named:
        folder, _, name = selection.base.rpartition("/")
        try:
            parent = open_in_root(root_fd, os.fsencode(folder) or b".", _FOLDER)
        except OSError:
            raise missing(root_fd, selection) from reason
        try:
            os.lstat(os.fsencode(name), dir_fd=parent)
        except OSError:
            os.close(parent)
        else:
            return parent, Matcher([Rule(re.sub(r"([*?\[\\])", r"\\\1", name))])
    raise missing(root_fd, selection) from reason


def missing(root_fd: int, selection: Selection) -> BuildError:
    """Return the error for a selection that matches nothing, with the names that are near what was wanted."""
    found: list[str] = []
    wanted = _parts(selection.base) + _parts(selection.pattern)
    fd = open_in_root(root_fd, b".", _FOLDER)
    try:
        while wanted and not has_wildcard(wanted[0]):
            try:
                deeper = open_in_root(root_fd, os.fsencode("/".join([*found, wanted[0]])), _FOLDER)
            except OSError:
                break
            os.close(fd)
            fd = deeper
            found.append(wanted.pop(0))
        names = sorted(os.listdir(fd))
    finally:
        os.close(fd)
    folder = "/" + "/".join(found)
    return errors.nothing_selected(selection.text, folder, names, (wanted or [""])[0], _SHOWN_NAMES)


def _parts(path: str) -> list[str]:
    return [part for part in posixpath.normpath("/" + path).split("/") if part]


def _literal(parts: list[str]) -> str:
    return "/".join(re.sub(r"\\(.)", r"\1", part, flags=re.DOTALL) for part in parts)
