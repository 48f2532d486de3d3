# SPDX-License-Identifier: Apache-2.0
"""The mounts of RUN: each kind to what the graph says of it (DF-43 to DF-48)."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from ladle.core.api.diagnostics import DiagnosticError
from ladle.core.api.patterns import clean
from ladle.frontends.dockerfile import ast, errors
from ladle.frontends.dockerfile.mounts import Asked, parse_mount
from ladle.llb.mounts import MountSpec, bind, cache, secret, secret_env, ssh, tmpfs
from ladle.llb.ops import ById, CacheSharing, ChownOpt
from ladle.llb.paths import join
from ladle.llb.state import State
from ladle.llb.values import dataclass

if TYPE_CHECKING:
    from ladle.frontends.dockerfile.stages import Stage
    from ladle.frontends.dockerfile.work import Work
    from ladle.llb.ops.exec import SecretEnv

_SHARINGS = {
    "": CacheSharing.SHARED,
    "shared": CacheSharing.SHARED,
    "private": CacheSharing.PRIVATE,
    "locked": CacheSharing.LOCKED,
}
_NAMESPACE = "BUILDKIT_CACHE_MOUNT_NS"


@dataclass(slots=True)
class RunMounts:
    """What the mounts of one RUN come to."""

    mounts: list[MountSpec] = field(default_factory=list)
    secrets: list[SecretEnv] = field(default_factory=list)
    sockets: list[str] = field(default_factory=list)
    """Where agents are, in the order of the file: the first is the step's `SSH_AUTH_SOCK`."""


def lower_mounts(work: Work, node: ast.Run, place: int) -> RunMounts:
    """Return the mounts of a RUN, the instruction number `place` of its stage; raises `DiagnosticError`."""
    found = RunMounts()
    sources = work.stage.mounts.get(place, [])
    for word, stage in zip(node.words_of("mount"), sources, strict=True):
        asked = parse_mount(word, work.expand)
        if asked.kind == "secret":
            _secret(asked, found)
        elif asked.kind == "ssh":
            _ssh(asked, found)
        else:
            found.mounts.append(_tree(work, word, asked, stage))
    return found


def _secret(asked: Asked, found: RunMounts) -> None:
    name = asked.source or asked.id or asked.target.rstrip("/").rpartition("/")[2]
    if asked.env is not None:
        found.secrets.append(secret_env(name, asked.env, optional=not asked.required))
        if not asked.target:
            return
    found.mounts.append(
        secret(
            name,
            asked.target or "/run/secrets/" + name.rstrip("/").rpartition("/")[2],
            uid=asked.uid or 0,
            gid=asked.gid or 0,
            mode=0o400 if asked.mode is None else asked.mode,
            optional=not asked.required,
        )
    )


def _ssh(asked: Asked, found: RunMounts) -> None:
    target = asked.target or f"/run/buildkit/ssh_agent.{len(found.sockets)}"
    found.sockets.append(target)
    found.mounts.append(
        ssh(
            target,
            id=asked.id,
            uid=asked.uid or 0,
            gid=asked.gid or 0,
            mode=0o600 if asked.mode is None else asked.mode,
            optional=not asked.required,
        )
    )


def _tree(work: Work, word: ast.Word, asked: Asked, stage: Stage) -> MountSpec:
    """Return the mount of a tree: bind, cache or tmpfs."""
    target = asked.target if asked.target.startswith("/") else join(work.state.get_dir(), asked.target)
    if clean(target) == "/":
        raise DiagnosticError([errors.mount_target(target, word.span)])
    if asked.kind == "tmpfs":
        return tmpfs(target, size=asked.size)
    path = join("/", asked.source)
    tree = _source(work, word, asked, stage, path)
    selector = "" if path == "/" else path
    if not selector and asked.owned:
        tree, selector = _cache_directory(tree or State(), asked), "/cache"
    if asked.kind == "bind":
        return bind(tree, target, path=selector, readonly=bool(asked.readonly))
    namespace = work.build.options.build_args.get(_NAMESPACE, "")
    return cache(
        target,
        id=f"{namespace}/{asked.id or clean(asked.target)}",
        sharing=_SHARINGS[asked.sharing],
        source=tree,
        path=selector,
        readonly=bool(asked.readonly),
    )


def _source(work: Work, word: ast.Word, asked: Asked, stage: Stage, path: str) -> State | None:
    """Return the tree of `from`, or of the build context, after noting what of it is used."""
    if not asked.origin:
        if asked.kind == "cache":
            return None
        work.tree.use(path)
        return work.tree.state
    source = work.build.works.get(stage)
    if source is None:
        raise DiagnosticError([errors.later_mount(asked.origin, asked.target, word.span, stage.span)])
    if source.context is not None:
        source.context.use(path)
    return source.state


def _cache_directory(tree: State, asked: Asked) -> State:
    """Return the tree with a directory of the wanted mode and owner, which new cache directories are copies of."""
    owner = ChownOpt(user=ById(id=asked.uid or 0), group=ById(id=asked.gid or 0))
    mode = 0o755 if asked.mode is None else asked.mode
    name = "[internal] setting cache mount permissions"
    return tree.dir("/").mkdir("/cache", mode=mode, owner=owner, name=name)
