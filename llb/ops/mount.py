# SPDX-License-Identifier: Apache-2.0
"""The mounts of an exec, with the options of each kind."""

from __future__ import annotations

from enum import IntEnum

from ladle.llb.errors import LLBError
from ladle.llb.ops.checks import check_index, check_text
from ladle.llb.values import dataclass


class MountType(IntEnum):
    """What a mount shows."""

    BIND = 0
    SECRET = 1
    SSH = 2
    CACHE = 3
    TMPFS = 4


class CacheSharing(IntEnum):
    """What happens when two steps want one cache directory at a time."""

    SHARED = 0
    PRIVATE = 1
    LOCKED = 2


class ContentCache(IntEnum):
    """Whether the content of a mount's input may find a cached result."""

    DEFAULT = 0
    ON = 1
    OFF = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class TmpfsOpt:
    """Options of a memory-backed mount; size 0 means no limit."""

    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheOpt:
    """Options of a cache directory that outlives its build."""

    id: str
    sharing: CacheSharing = CacheSharing.SHARED


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretOpt:
    """Options of a secret shown as a file."""

    id: str
    uid: int = 0
    gid: int = 0
    mode: int = 0o400
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SSHOpt:
    """Options of a forwarded agent's socket; an empty id means the default agent."""

    id: str = ""
    uid: int = 0
    gid: int = 0
    mode: int = 0o600
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """One mount: `input` shown at `dest`; -1 as input means an empty tree, as output that nothing is kept."""

    dest: str
    input: int = -1
    selector: str = ""
    output: int = -1
    readonly: bool = False
    mount_type: MountType = MountType.BIND
    tmpfs_opt: TmpfsOpt | None = None
    cache_opt: CacheOpt | None = None
    secret_opt: SecretOpt | None = None
    ssh_opt: SSHOpt | None = None
    result_id: str = ""
    content_cache: ContentCache = ContentCache.DEFAULT

    def __post_init__(self) -> None:
        check_text("mount", "dest", self.dest)
        check_index("mount", "input", self.input)
        check_index("mount", "output", self.output)
        kind = self.mount_type
        if kind is MountType.BIND:
            if self.secret_opt or self.ssh_opt or self.cache_opt or self.tmpfs_opt:
                raise LLBError(f"mount {self.dest!r}: a bind mount has no options of other kinds")
            return
        if kind is MountType.SECRET and self.secret_opt is None:
            raise LLBError(f"mount {self.dest!r}: a secret mount needs secret_opt")
        if kind is MountType.CACHE and self.cache_opt is None:
            raise LLBError(f"mount {self.dest!r}: a cache mount needs cache_opt")

    @property
    def has_output(self) -> bool:
        """Whether a tree comes out; the output number of secrets and sockets means nothing (BuildKit writes 0)."""
        return self.output >= 0 and self.mount_type is MountType.BIND
