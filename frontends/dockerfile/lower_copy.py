# SPDX-License-Identifier: Apache-2.0
"""COPY and ADD: from the build context, stages, images, here-documents, URLs and repositories."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import unquote, urlsplit

from ladle.core.api.diagnostics import DiagnosticError
from ladle.core.api.giturl import is_git_url, parse_git_url
from ladle.core.api.platforms import format_platform
from ladle.frontends.dockerfile import ast, errors
from ladle.frontends.dockerfile.bases import COMMAND, repository
from ladle.frontends.dockerfile.heredocs import Heredoc
from ladle.frontends.dockerfile.labs.optional import maybe
from ladle.frontends.dockerfile.lower_metadata import record
from ladle.frontends.dockerfile.words import Style
from ladle.frontends.dockerfile.work import DOCUMENT, Work, encoded
from ladle.llb.actions import Actions, CopyOptions
from ladle.llb.compose import merge
from ladle.llb.metadata import OpMetadata, ProgressGroup
from ladle.llb.nodes import OpOptions
from ladle.llb.paths import join, join_keeping_slash
from ladle.llb.sources import http
from ladle.llb.state import State

_OCTAL = re.compile(r"[0-7]+", re.ASCII)
_LARGEST_MODE = 0o7777
_SYMBOLIC = re.compile(r"[ugoa]*(?:[-+=](?:[rwxXst]*|[ugo]))+(?:,[ugoa]*(?:[-+=](?:[rwxXst]*|[ugo]))+)*", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}", re.ASCII)
_WILDCARD = re.compile(r"(?:[^\\*?\[]|\\.)*[*?\[]", re.DOTALL)
_UNNAMED = "__unnamed__"


def lower_copy(work: Work, node: ast.Copy, source: Work | None) -> None:
    """COPY and ADD; `source` is the stage or image of `--from`."""
    owner, mode = node.flag("chown"), node.flag("chmod")
    chown = work.expand(owner) if owner else ""
    chmod = work.expand(mode) if mode else ""
    paths = [work.expand(word) for word in node.sources]
    dest = work.expand(node.dest)
    common = _common(work, node, chown, chmod)
    checksum = _checksum(work, node, paths)
    shown = work.shown(node.source)
    options = work.options(node.source, *node.lines)
    target = join_keeping_slash(work.config.text("WorkingDir") or "/", "./" if dest in ("", ".") else dest)
    chain = Actions()
    for word, path in zip(node.sources, paths, strict=True):
        if _is_repository(path):
            chain = chain.copy(_repository(node, word, path, checksum, options), "/", target, **common)
        elif path.startswith(("http://", "https://")):
            chain = _download(node, word, path, checksum, options, chain, target, common)
        else:
            chain = _files(work, node, source, path, chain, target, common)
    for document in node.documents:
        file = State().mkfile(f"/{document.name}", _content(work, node, document), name=DOCUMENT)
        chain = chain.copy(file, f"/{document.name}", target, **common)
    if node.says("link") and not chmod:
        _link(work, chain, options, shown)
    else:
        work.state = work.state.file(chain, **options)
    words = ["ADD" if node.add else "COPY"] + ["--parents"] * bool(node.says("parents"))
    words += [f"--chown={chown}"] * bool(chown) + [f"--chmod={chmod}"] * bool(chmod)
    words += [*paths, *(f"<<{document.name}" for document in node.documents), dest, "# buildkit"]
    record(work, " ".join(words), layer=True)


def _link(work: Work, chain: Actions, options: OpOptions, shown: str) -> None:
    """Copy onto scratch and lay that over the stage: it does not depend on what is below (DF-52)."""
    build = work.build
    build.groups += 1
    name = options["name"]
    group_id = f"group-{build.groups}"
    if build.shows_platform:
        group_id = f"{format_platform(build.target_platform)} {group_id}"
    group = ProgressGroup(id=group_id, name=name)
    lone: OpOptions = {**options, "meta": OpMetadata(progress_group=replace(group, weak=True))}
    copied = State().file(chain, **lone)
    linked: OpOptions = {**options, "meta": OpMetadata(progress_group=group)}
    linked["name"] = name.removesuffix(shown) + f"LINK {shown}"
    work.state = work.state.with_output(merge([work.state, copied], **linked))


def _files(
    work: Work, node: ast.Copy, source: Work | None, path: str, chain: Actions, target: str, common: CopyOptions
) -> Actions:
    """Add the copy of one path of the build context, a stage or an image, after noting that the path is used."""
    context = work.tree if source is None else source.context
    if node.says("if-exists"):
        path = maybe(path)
    if context is not None:
        context.use(path)
    tree = work.tree.state if source is None else source.state.dir("/")
    options: CopyOptions = {
        **common,
        "follow_symlink": True,
        "dir_copy_contents": True,
        "allow_wildcard": True,
        "allow_empty_wildcard": True,
    }
    if node.add:
        options["attempt_unpack"] = node.says("unpack") is not False
    if node.says("parents"):
        parent, pivot, pattern = path.partition("/./")
        path, pattern = (parent, join("/", pattern)) if pivot else ("/", join("/", path))
        options["include_patterns"] = (pattern[1:],)
        whole = join(join("/", path), pattern[1:])
        if not _WILDCARD.match(whole):
            options["required_paths"] = (whole,)
    return chain.copy(tree, join("/", path), target, **options)


def _repository(node: ast.Copy, word: ast.Word, path: str, checksum: str, options: OpOptions) -> State:
    if not node.add:
        raise DiagnosticError([errors.remote_copy("git ref", word.span)])
    try:
        url = parse_git_url(path)
    except ValueError as error:
        raise DiagnosticError([errors.bad_repository(str(error), word.span)]) from None
    keep = node.says("keep-git-dir")
    if keep is not None and url.keep_git_dir is not None and keep != url.keep_git_dir:
        raise DiagnosticError([errors.keep_git_dir_twice(word.span)])
    if checksum and url.checksum and checksum != url.checksum:
        raise DiagnosticError([errors.commits_differ(checksum, url.checksum, word.span)])
    return repository(url, keep_git_dir=bool(keep), checksum=checksum, name=options["name"])


def _download(
    node: ast.Copy,
    word: ast.Word,
    path: str,
    checksum: str,
    options: OpOptions,
    chain: Actions,
    target: str,
    common: CopyOptions,
) -> Actions:
    if not node.add:
        raise DiagnosticError([errors.remote_copy("URL", word.span)])
    if checksum and not _DIGEST.fullmatch(checksum):
        raise DiagnosticError([errors.bad_checksum(word.span)])
    try:
        name = unquote(urlsplit(path).path).rstrip("/").rpartition("/")[2]
    except ValueError:
        name = ""
    name = _UNNAMED if name in ("", ".", "..") else name
    meta = OpMetadata(description=((COMMAND, node.source),))
    file = http(path, filename=name, checksum=checksum, name=options["name"], meta=meta)
    more: CopyOptions = {**common, "attempt_unpack": True} if node.says("unpack") else common
    return chain.copy(file, name, target, **more)


def _content(work: Work, node: ast.Copy, document: Heredoc) -> bytes:
    """Return what is in a here-document: variables put in unless its name was quoted, quotes as they are (DF-13)."""
    if not document.expand:
        return encoded(document.text)
    return encoded(work.expand(ast.Word(document.text, node.span), Style(plain_quotes=True)))


def _common(work: Work, node: ast.Copy, chown: str, chmod: str) -> CopyOptions:
    """Return the options of all copies of an instruction."""
    options: CopyOptions = {"create_dest_path": True, "timestamp": work.build.timestamp}
    excluded = tuple(word.text for word in node.words_of("exclude"))
    if excluded:
        options["exclude_patterns"] = excluded
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


def _checksum(work: Work, node: ast.Copy, paths: list[str]) -> str:
    """Return the checksum that a download or a repository must have."""
    flag = node.flag("checksum")
    checksum = work.expand(flag) if flag else ""
    if checksum and flag is not None:
        if len(paths) != 1:
            raise DiagnosticError([errors.checksum_of_several(flag.span)])
        if not _is_repository(paths[0]) and not paths[0].startswith(("http://", "https://")):
            raise DiagnosticError([errors.checksum_of_local(flag.span)])
    return checksum


def _is_repository(path: str) -> bool:
    """Say whether a source names a repository; `github.com/…` could as well be a path, and is one."""
    return is_git_url(path) and not path.startswith("github.com/")
