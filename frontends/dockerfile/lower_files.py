# SPDX-License-Identifier: Apache-2.0
"""Instructions that change files without a process: COPY, ADD, WORKDIR."""

from __future__ import annotations

import re

from ladle.core.api.diagnostics import DiagnosticError
from ladle.frontends.dockerfile import ast, errors
from ladle.frontends.dockerfile.flags import is_true
from ladle.frontends.dockerfile.lower_metadata import record
from ladle.frontends.dockerfile.work import Work
from ladle.llb.actions import Actions, CopyOptions
from ladle.llb.paths import join, join_keeping_slash
from ladle.llb.state import State

_REMOTE = re.compile(r"(?:https?|git|ssh)://|[\w.-]+@[\w.-]+:|github\.com/", re.ASCII)
_OCTAL = re.compile(r"[0-7]+", re.ASCII)
_LARGEST_MODE = 0o7777
_SYMBOLIC = re.compile(r"[ugoa]*(?:[-+=](?:[rwxXst]*|[ugo]))+(?:,[ugoa]*(?:[-+=](?:[rwxXst]*|[ugo]))+)*", re.ASCII)


def lower_workdir(work: Work, node: ast.Workdir) -> None:
    """WORKDIR: the directory of what follows, made if it is not there."""
    path = join(work.config.text("WorkingDir") or "/", work.expand(node.path))
    work.config.config["WorkingDir"] = path
    work.state = work.state.dir(path)
    if path != "/":
        user = work.config.text("User")
        work.state = work.state.mkdir(
            path,
            mode=0o755,
            parents=True,
            owner=user or None,
            timestamp=work.build.timestamp,
            **work.options(node.source, *node.lines),
        )
    record(work, f"WORKDIR {path}", layer=path != "/")


def lower_copy(work: Work, node: ast.Copy, source: Work | None) -> None:
    """COPY and ADD of files of the build context, or of another stage or image."""
    owner, mode = node.flag("chown"), node.flag("chmod")
    chown = work.expand(owner) if owner else ""
    chmod = work.expand(mode) if mode else ""
    paths = [work.expand(word) for word in node.sources]
    dest = work.expand(node.dest)
    _check_remote(node, paths)
    options = _options(work, node, chown, chmod)
    target = join_keeping_slash(work.config.text("WorkingDir") or "/", "./" if dest in ("", ".") else dest)
    tree = _source(work, source, paths)
    chain = Actions()
    for path in paths:
        chain = chain.copy(tree, join("/", path), target, **options)
    work.state = work.state.file(chain, **work.options(node.source, *node.lines))
    words = ["ADD" if node.add else "COPY"]
    words += [f"--chown={chown}"] * bool(chown) + [f"--chmod={chmod}"] * bool(chmod)
    record(work, " ".join([*words, *paths, dest, "# buildkit"]), layer=True)


def _source(work: Work, source: Work | None, paths: list[str]) -> State:
    """Return the tree that is copied from, after noting which of its paths are used."""
    context = work.build.main if source is None else source.context
    if context is not None:
        for path in paths:
            context.use(path)
    return work.build.main.state if source is None else source.state.dir("/")


def _options(work: Work, node: ast.Copy, chown: str, chmod: str) -> CopyOptions:
    options: CopyOptions = {
        "follow_symlink": True,
        "dir_copy_contents": True,
        "create_dest_path": True,
        "allow_wildcard": True,
        "allow_empty_wildcard": True,
        "timestamp": work.build.timestamp,
    }
    if node.add:
        unpack = next((flag for flag in node.flags if flag.name == "unpack"), None)
        options["attempt_unpack"] = unpack is None or is_true(unpack)
    if chown:
        options["owner"] = chown
    flag = node.flag("chmod")
    if chmod and flag is not None:
        if _OCTAL.fullmatch(chmod):
            if len(chmod) > 20 or int(chmod, 8) > _LARGEST_MODE:
                raise DiagnosticError([errors.bad_chmod(chmod, flag.span)])
            options["mode"] = int(chmod, 8)
        elif _SYMBOLIC.fullmatch(chmod):
            options["mode"] = 0
            options["mode_str"] = chmod
        else:
            raise DiagnosticError([errors.bad_chmod(chmod, flag.span)])
    return options


def _check_remote(node: ast.Copy, paths: list[str]) -> None:
    """Refuse what is still to come: ADD of downloads and repositories; and a checksum of what is neither."""
    if not node.add:
        return
    for word, path in zip(node.sources, paths, strict=True):
        if _REMOTE.match(path):
            raise DiagnosticError([errors.not_supported("ADD of a URL or a repository", word.span)])
    checksum = node.flag("checksum")
    if checksum is not None and checksum.text:
        raise DiagnosticError([errors.checksum_of_local(checksum.span)])
