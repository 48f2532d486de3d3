# SPDX-License-Identifier: Apache-2.0
"""Build contexts that are no local directory: a repository, or an archive or Dockerfile by URL or on stdin (DF-78).

Each becomes a directory of the store that never changes once it is there, so that the build sees the same context
however long it takes, and an equal one again costs nothing. Ignore files count for local directories only (DF-76).
"""

from __future__ import annotations

import os
import sys
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from ladle.core.api.errors import BuildError, UsageError
from ladle.core.api.giturl import is_git_url, parse_git_url
from ladle.llb.ops import SourceOp

if TYPE_CHECKING:
    from ladle.core.build.runners.environment import Environment

_CHUNK = 1 << 20
STDIN_LIMIT = 16 << 30
"""How many bytes of a context are read from stdin."""


def is_remote(context: str) -> bool:
    """Say whether a context is something to be fetched: `-`, a repository or another URL."""
    return context == "-" or is_git_url(context) or context.startswith(("http://", "https://"))


class Fetched(NamedTuple):
    """A context as a directory, and when it was made: a commit's time, a Last-Modified, the newest in an archive."""

    directory: str
    date: int | None


def fetch_context(context: str, environment: Environment) -> Fetched:
    """Return the directory that a context stands for; raises `BuildError` or `UsageError` saying what is wrong."""
    if context == "-":
        return _from_file(_stdin(environment), environment)
    if is_git_url(context):
        return _repository(context, environment)
    source = environment.source(context.partition("://")[0])
    op = SourceOp(identifier=context)
    ref = source.pin(op, None).ref
    fetched = _from_file(os.path.join(ref["root"], os.listdir(ref["root"])[0]), environment)
    return fetched._replace(date=source.date(op))


def _repository(context: str, environment: Environment) -> Fetched:
    try:
        url = parse_git_url(context)
    except ValueError as error:
        raise UsageError(f"bad git URL {context!r}: {error}", code="LA0115") from None
    place = url.remote.partition("://")[2] or url.remote.replace(":", "/", 1)
    keep = environment.build_args.get("BUILDKIT_CONTEXT_KEEP_GIT_DIR") == "1" or bool(url.keep_git_dir)
    attrs = {
        "git.fullurl": url.remote,
        "git.checksum": url.checksum,
        "git.keepgitdir": "true" if keep else "",
        "git.mtime": url.mtime,
        "git.skipsubmodules": "" if url.submodules else "true",
    }
    op = SourceOp(
        identifier=f"git://{place}{url.fragment}", attrs=tuple(sorted(pair for pair in attrs.items() if pair[1]))
    )
    source = environment.source("git")
    root: str = source.pin(op, None).ref["root"]
    return Fetched(root, source.date(op))


def _stdin(environment: Environment) -> str:
    """Keep what comes on stdin as a file named after its digest."""
    if sys.stdin.isatty():
        raise UsageError("the build context - is stdin, which is a terminal", code="LA0105", help="pipe a tar into it")
    blobs = environment.services.blobs
    path, digest, size = blobs.temporary(), sha256(), 0
    try:
        with open(path, "wb") as file:
            while part := sys.stdin.buffer.read(_CHUNK):
                size += len(part)
                if size > STDIN_LIMIT:
                    raise BuildError(f"the build context on stdin is larger than {STDIN_LIMIT} bytes", code="LA0134")
                digest.update(part)
                file.write(part)
        name = f"sha256:{digest.hexdigest()}"
        blobs.adopt(path, name)
    except BaseException:
        if os.path.exists(path):
            os.unlink(path)
        raise
    return blobs.path(name)


def _from_file(path: str, environment: Environment) -> Fetched:
    """Return a directory with what an archive holds; anything else is the Dockerfile of an empty context."""
    from ladle.core.build.downloads import kept_directory
    from ladle.core.layers.apply import is_archive, unpack_file
    from ladle.core.layers.archive_dates import newest_entry

    with open(path, "rb") as file:
        digest = sha256()
        while part := file.read(_CHUNK):
            digest.update(part)
        file.seek(0)
        archive = is_archive(file.fileno())

        def make(directory: str) -> None:
            if archive:
                os.lseek(file.fileno(), 0, os.SEEK_SET)
                unpack_file(file.fileno(), directory, rootless=os.geteuid() != 0, single_uid=os.geteuid() != 0)
                return
            file.seek(0)
            with open(f"{directory}/Dockerfile", "wb") as copy:
                while part := file.read(_CHUNK):
                    copy.write(part)

        directory = kept_directory(environment.services, f"context-{digest.hexdigest()[:32]}", make)
    return Fetched(directory, newest_entry(path) if archive else None)
