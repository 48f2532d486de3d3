# SPDX-License-Identifier: Apache-2.0
"""Steps that put files into the tree or take them out: `copy`, `add`, `file`, `directory`, `symlink`, `remove`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from ladle.core.api.diagnostics import DiagnosticError
from ladle.core.api.giturl import is_git_url, parse_git_url
from ladle.frontends.dockerfile.bases import repository
from ladle.frontends.yaml import bases, errors
from ladle.frontends.yaml.modes import is_symbolic, octal
from ladle.frontends.yaml.nodes import Mapping
from ladle.frontends.yaml.work import Work, placed
from ladle.llb.actions import Actions, CopyOptions
from ladle.llb.compose import merge
from ladle.llb.nodes import OpOptions
from ladle.llb.paths import join, join_keeping_slash
from ladle.llb.sources import http
from ladle.llb.state import State

if TYPE_CHECKING:
    from ladle.frontends.yaml.nodes import Entry

HEREDOC = "/EOF"
"""Where a text is before it is copied: as in a Dockerfile's `COPY <<EOF`, so that both are the same step."""
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", re.ASCII)
_WILDCARD = re.compile(r"(?:[^\\*?\[]|\\.)*[*?\[]", re.DOTALL)


def lower_copy(work: Work, step: Mapping, entry: Entry) -> None:
    """Copy from the build context, a stage, a named context or an image."""
    scope = work.stage.scope
    paths = scope.texts(entry.value)
    if not paths or not all(paths):
        raise DiagnosticError([errors.empty_value("the path", entry.value.span)])
    origin = step.get("from")
    source = bases.other(work.build, work.stage, scope.text(origin), origin.span) if origin is not None else None
    target = _target(work, step, several=len(paths) > 1)
    common = _common(work, step)
    include = tuple(scope.texts(step.get("include")))
    parents = scope.flag(step, "parents")
    chain = Actions()
    for path in paths:
        context = work.build.main if source is None else source.context
        if context is not None:
            context.use(path)
        tree = work.build.main.state if source is None else source.state.dir("/")
        options: CopyOptions = {
            **common,
            "follow_symlink": True,
            "dir_copy_contents": True,
            "allow_wildcard": True,
            "allow_empty_wildcard": True,
        }
        if include:
            options["include_patterns"] = include
        if parents:
            path = _with_parents(path, options)
        chain = chain.copy(tree, join("/", path), target, **options)
    text = f"copy: {' '.join(paths)}{f' from {scope.text(origin)}' if origin else ''} to {scope.optional(step, 'to')}"
    options_ = work.options(scope.optional(step, "name") or text, step.span)
    with placed(step.span):
        if scope.flag(step, "link"):
            copied = State().file(chain, **options_)
            work.state = work.state.with_output(merge([work.state, copied], **options_))
        else:
            work.state = work.state.file(chain, **options_)
    work.record(text, layer=True)


def _with_parents(path: str, options: CopyOptions) -> str:
    """Return the directory to copy from so that the others that a path names are kept."""
    parent, pivot, pattern = path.partition("/./")
    path, pattern = (parent, join("/", pattern)) if pivot else ("/", join("/", path))
    options["include_patterns"] = (pattern[1:],)
    whole = join(join("/", path), pattern[1:])
    if not _WILDCARD.match(whole):
        options["required_paths"] = (whole,)
    return path


def _target(work: Work, step: Mapping, *, several: bool = False) -> str:
    to = work.stage.scope.optional(step, "to")
    if to in ("", "."):
        to = "./"
    if several and not to.endswith("/"):
        to += "/"
    return join_keeping_slash(work.config.text("WorkingDir") or "/", to)


def _common(work: Work, step: Mapping) -> CopyOptions:
    scope = work.stage.scope
    options: CopyOptions = {"create_dest_path": True, "timestamp": work.build.timestamp}
    excluded = tuple(scope.texts(step.get("exclude")))
    if excluded:
        options["exclude_patterns"] = excluded
    if owner := scope.optional(step, "owner"):
        options["owner"] = owner
    if (node := step.get("mode")) is not None:
        text = scope.text(node)
        if is_symbolic(text):
            options["mode"] = 0
            options["mode_str"] = text
        else:
            options["mode"] = octal(text, node, symbolic=True)
    return options


def lower_add(work: Work, step: Mapping, entry: Entry) -> None:
    """Fetch a download or a repository."""
    scope = work.stage.scope
    address = scope.text(entry.value)
    text = f"add: {address} to {scope.optional(step, 'to')}"
    options = work.options(scope.optional(step, "name") or text, step.span)
    common = _common(work, step)
    target = _target(work, step)
    checksum = scope.optional(step, "checksum")
    place = step.entry("checksum")
    with placed(step.span):
        if is_git_url(address):
            tree = _repository(address, checksum, options, entry)
            if place is not None and checksum and not _COMMIT.fullmatch(checksum):
                raise DiagnosticError([errors.bad_checksum(checksum[:80], place.value.span)])
            common["dir_copy_contents"] = True
            chain = Actions().copy(tree, "/", target, **common)
        elif address.startswith(("http://", "https://")):
            if place is not None and checksum and not _DIGEST.fullmatch(checksum):
                raise DiagnosticError([errors.bad_checksum(checksum[:80], place.value.span)])
            name = _file_name(address)
            tree = http(address, filename=name, checksum=checksum, name=options["name"], location=options["location"])
            if scope.flag(step, "unpack"):
                common["attempt_unpack"] = True
            chain = Actions().copy(tree, name, target, **common)
        else:
            reason = "it is neither a repository nor begins with http:// or https://"
            raise DiagnosticError([errors.bad_address(address[:200], reason, entry.value.span)])
        work.state = work.state.file(chain, **options)
    work.record(text, layer=True)


def _repository(address: str, checksum: str, options: OpOptions, entry: Entry) -> State:
    try:
        return repository(parse_git_url(address), checksum=checksum, name=options["name"])
    except ValueError as error:
        raise DiagnosticError([errors.bad_address(address[:200], str(error), entry.value.span)]) from None


def _file_name(address: str) -> str:
    try:
        name = unquote(urlsplit(address).path).rstrip("/").rpartition("/")[2]
    except ValueError:
        name = ""
    return "__unnamed__" if name in ("", ".", "..") else name


def lower_file(work: Work, step: Mapping, entry: Entry) -> None:
    """Write a file."""
    scope = work.stage.scope
    path = _path(work, entry)
    text = f"file: {path}"
    source = State().mkfile(HEREDOC, scope.optional(step, "content"), name=f"{work.name(text)} (content)")
    chain = Actions().copy(source, HEREDOC, path, **_common(work, step))
    _change(work, step, chain, text)


def lower_directory(work: Work, step: Mapping, entry: Entry) -> None:
    """Make a directory."""
    scope = work.stage.scope
    path = _path(work, entry)
    mode = octal(scope.text(node), node) if (node := step.get("mode")) else 0o755
    owner = scope.optional(step, "owner") or None
    chain = Actions().mkdir(path, mode=mode, parents=True, owner=owner, timestamp=work.build.timestamp)
    _change(work, step, chain, f"directory: {path}")


def lower_symlink(work: Work, step: Mapping, entry: Entry) -> None:
    """Make a symbolic link."""
    scope = work.stage.scope
    path, to = _path(work, entry), scope.optional(step, "to")
    owner = scope.optional(step, "owner") or None
    chain = Actions().symlink(to, path, owner=owner, timestamp=work.build.timestamp)
    _change(work, step, chain, f"symlink: {path} to {to}")


def lower_remove(work: Work, step: Mapping, entry: Entry) -> None:
    """Remove paths."""
    scope = work.stage.scope
    paths = scope.texts(entry.value)
    missing = scope.flag(step, "missing-ok")
    chain = Actions()
    for path in paths:
        if join("/", path) == "/":
            raise DiagnosticError([errors.empty_value("the path", entry.value.span)])
        wild = _WILDCARD.match(path) is not None
        chain = chain.rm(path, allow_not_found=missing, allow_wildcard=wild)
    _change(work, step, chain, f"remove: {' '.join(paths)}")


def _path(work: Work, entry: Entry) -> str:
    path = work.stage.scope.text(entry.value)
    if not path or (path.endswith("/") and entry.key.text != "directory"):
        raise DiagnosticError([errors.empty_value("the file name", entry.value.span)])
    return join(work.state.get_dir(), path)


def _change(work: Work, step: Mapping, chain: Actions, text: str) -> None:
    options = work.options(work.stage.scope.optional(step, "name") or text, step.span)
    with placed(step.span):
        work.state = work.state.file(chain, **options)
    work.record(text, layer=True)
