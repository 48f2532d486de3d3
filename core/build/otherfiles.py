# SPDX-License-Identifier: Apache-2.0
"""Build files from elsewhere: a file of a repository, or of a directory given by `--build-context`."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from ladle.core.api.errors import BuildError
from ladle.core.api.giturl import is_git_url, parse_git_url
from ladle.llb.ops import SourceOp

if TYPE_CHECKING:
    from collections.abc import Callable

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.ASCII)


def inside(root: str, path: str) -> str:
    """Return the file that a path names below a directory; raises `BuildError` for one that links lead out of."""
    full = os.path.join(root, os.path.normpath("/" + path).lstrip("/"))
    real, base = os.path.realpath(full), os.path.realpath(root)
    if real != full and os.path.commonpath([real, base]) != base:
        raise BuildError(f"{path!r} leads out of the build context", code="LA0132")
    return full


def is_repository(place: str) -> bool:
    """Say whether a place is a repository by its address."""
    return is_git_url(place)


def is_fixed(address: str) -> bool:
    """Say whether an address names one commit, in full."""
    return _COMMIT.fullmatch(parse_git_url(address).ref) is not None


def repository_pin(source: Callable[[str], Any], address: str) -> Any:
    """Return the pin of a repository, checked out into the store; raises `BuildError` saying what is wrong."""
    try:
        url = parse_git_url(address)
    except ValueError as error:
        raise BuildError(f"bad git URL {address!r}: {error}", code="LA0115") from None
    place = url.remote.partition("://")[2] or url.remote.replace(":", "/", 1)
    attrs = {
        "git.fullurl": url.remote,
        "git.checksum": url.checksum,
        "git.skipsubmodules": "" if url.submodules else "true",
    }
    named = tuple(sorted(pair for pair in attrs.items() if pair[1]))
    return source("git").pin(SourceOp(identifier=f"git://{place}{url.fragment}", attrs=named), None)


def not_readable(name: str, kind: str) -> BuildError:
    """Return: a named context that files cannot be read from before the build."""
    return BuildError(
        f"the context {name!r} is {'an image' if kind == 'image' else f'of the kind {kind}'}, not a directory",
        code="LA0136",
        help="give a directory or a repository: --build-context NAME=PATH",
    )
