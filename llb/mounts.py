# SPDX-License-Identifier: Apache-2.0
"""Mounts for `State.run`: `bind`, `cache`, `tmpfs`, `secret`, `ssh`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ladle.llb.ops.checks import check_text
from ladle.llb.ops.exec import SecretEnv
from ladle.llb.ops.mount import (
    CacheOpt,
    CacheSharing,
    ContentCache,
    Mount,
    MountType,
    SecretOpt,
    SSHOpt,
    TmpfsOpt,
)
from ladle.llb.values import dataclass

if TYPE_CHECKING:
    from ladle.llb.nodes import Output
    from ladle.llb.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class MountSpec:
    """A mount as asked for: its tree is still an output, and its numbers come when all mounts are known."""

    target: str
    source: Output | None = None
    selector: str = ""
    readonly: bool = False
    keep: bool = False
    kind: MountType = MountType.BIND
    tmpfs_opt: TmpfsOpt | None = None
    cache_opt: CacheOpt | None = None
    secret_opt: SecretOpt | None = None
    ssh_opt: SSHOpt | None = None
    content_cache: ContentCache = ContentCache.DEFAULT

    def __post_init__(self) -> None:
        check_text("mount", "target", self.target)

    def numbered(self, target: str, number: int, output: int) -> Mount:
        """Return the op's mount with these numbers."""
        return Mount(
            dest=target,
            input=number,
            selector=self.selector,
            output=output,
            readonly=self.readonly,
            mount_type=self.kind,
            tmpfs_opt=self.tmpfs_opt,
            cache_opt=self.cache_opt,
            secret_opt=self.secret_opt,
            ssh_opt=self.ssh_opt,
            content_cache=self.content_cache,
        )


def bind(
    source: State | None,
    target: str,
    *,
    path: str = "",
    readonly: bool = True,
    keep: bool = False,
    content_cache: ContentCache = ContentCache.DEFAULT,
) -> MountSpec:
    """Mount a state (None is an empty tree), or a path in it. What is written is kept as an output with `keep`."""
    output = None if source is None else source.output
    return MountSpec(
        target=target,
        source=output,
        selector=path,
        readonly=readonly and not keep,
        keep=keep,
        content_cache=content_cache,
    )


def cache(
    target: str,
    *,
    id: str = "",
    sharing: CacheSharing = CacheSharing.SHARED,
    source: State | None = None,
    path: str = "",
    readonly: bool = False,
) -> MountSpec:
    """Mount a directory that outlives the build; `source` fills a new one."""
    return MountSpec(
        target=target,
        source=None if source is None else source.output,
        selector=path,
        readonly=readonly,
        kind=MountType.CACHE,
        cache_opt=CacheOpt(id=id or target, sharing=sharing),
    )


def tmpfs(target: str, *, size: int = 0) -> MountSpec:
    """Mount memory; size 0 is no limit."""
    return MountSpec(target=target, kind=MountType.TMPFS, tmpfs_opt=TmpfsOpt(size=size))


def secret(
    id: str, target: str = "", *, uid: int = 0, gid: int = 0, mode: int = 0o400, optional: bool = False
) -> MountSpec:
    """Mount a secret as a file, by default `/run/secrets/<id>`."""
    opt = SecretOpt(id=id, uid=uid, gid=gid, mode=mode, optional=optional)
    return MountSpec(target=target or f"/run/secrets/{id}", kind=MountType.SECRET, secret_opt=opt)


def secret_env(id: str, name: str = "", *, optional: bool = False) -> SecretEnv:
    """Set a secret as a variable, by default with the secret's own name; goes into `secret_env=` of `run`."""
    return SecretEnv(id=id, name=name or id, optional=optional)


def ssh(
    target: str, *, id: str = "", uid: int = 0, gid: int = 0, mode: int = 0o600, optional: bool = False
) -> MountSpec:
    """Mount the socket of a forwarded agent."""
    opt = SSHOpt(id=id, uid=uid, gid=gid, mode=mode, optional=optional)
    return MountSpec(target=target, kind=MountType.SSH, ssh_opt=opt)


def in_order(mounts: Iterable[tuple[str, MountSpec]]) -> list[tuple[str, MountSpec]]:
    """Return mounts (by absolute target) in the order of the op: trees by target, then secrets, then sockets."""
    return sorted(mounts, key=_rank)


def _rank(item: tuple[str, MountSpec]) -> tuple[int, str]:
    target, mount = item
    if mount.kind is MountType.SECRET:
        return 1, ""
    return (2, "") if mount.kind is MountType.SSH else (0, target)
