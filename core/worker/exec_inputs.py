# SPDX-License-Identifier: Apache-2.0
"""From the mounts of a request to trees on disk: stagings to write, views to read, cache directories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ladle.core.api.errors import InternalError
from ladle.core.worker import exec_agents
from ladle.core.worker.exec_mounts import (
    ATTR_NODEV,
    ATTR_NOEXEC,
    ATTR_NOSUID,
    ATTR_RDONLY,
    BindMount,
    FileMount,
    Mount,
    ScratchMount,
    TmpfsMount,
)

if TYPE_CHECKING:
    from ladle.core.worker.exec_cache import CacheLocks
    from ladle.core.worker.job import JobContext, Staging

_SCRATCH = {"kind": "layers", "layers": []}
_DEFAULT_SECRET_MODE = 0o400


class Inputs:
    """The trees of one step, made in the job's mount namespace before the guard is forked."""

    def __init__(self, ctx: JobContext, mounts: Sequence[Mapping[str, Any]], caches: CacheLocks) -> None:
        self._ctx = ctx
        self._outputs: list[tuple[str, Staging]] = []
        self._mounts: list[Mount] = []
        roots = [mount for mount in mounts if mount["dest"] == "/"]
        if len(roots) != 1:
            raise InternalError(f"a step has one mount at /, not {len(roots)}")
        self.root = self._root(roots[0])
        self.root_read_only = bool(roots[0]["readonly"])
        self.state = ctx.directory("state")
        others = [mount for mount in mounts if mount["dest"] != "/"]
        for mount in sorted(others, key=lambda mount: str(mount.get("cache_dir") or "")):
            self._mounts.append(self._prepare(mount, caches))

    def mounts(self) -> list[Mount]:
        """Return what is to be mounted into the root."""
        return self._mounts

    def commit(self) -> list[str]:
        """Make snapshots of the outputs; returns their ids."""
        for snapshot, staging in self._outputs:
            staging.commit(snapshot)
        return [snapshot for snapshot, _ in self._outputs]

    def _root(self, mount: Mapping[str, Any]) -> str:
        """A tree for the root: always one that can be written, since mount points may have to be made in it."""
        if mount["type"] != "bind" or mount["selector"] not in ("", "/"):
            raise InternalError("the root of a step is a whole tree")
        return self._staging(mount).path

    def _staging(self, mount: Mapping[str, Any]) -> Staging:
        ref = mount["ref"] or _SCRATCH
        if ref["kind"] != "layers":
            raise InternalError(f"a tree of kind {ref['kind']!r} cannot be the root or an output of a step")
        staging = self._ctx.staging(ref["layers"])
        if mount["output"] is not None:
            self._outputs.append((mount["output"], staging))
        return staging

    def _prepare(self, mount: Mapping[str, Any], caches: CacheLocks) -> Mount:
        kind, dest = mount["type"], mount["dest"]
        if kind == "bind":
            return self._bind(mount)
        if kind == "cache":
            base = self._ctx.tree(mount["ref"]) if mount["ref"] else None
            path = caches.take(mount["cache_dir"], mount.get("sharing") or "shared", base)
            return BindMount(dest=dest, source=path, selector=mount["selector"], attributes=_attributes(mount))
        if kind == "tmpfs":
            return TmpfsMount(dest=dest, size=int(mount.get("size") or 0), read_only=bool(mount["readonly"]))
        if kind == "secret":
            return _secret(mount)
        if kind == "ssh":
            path = exec_agents.offer(self._ctx.fds[0], self._ctx.directory("a"), dest=dest, **mount["ssh"])
            return BindMount(dest=dest, source=path, attributes=ATTR_NODEV | ATTR_NOSUID | ATTR_NOEXEC)
        raise InternalError(f"unknown type of mount: {kind!r}")

    def _bind(self, mount: Mapping[str, Any]) -> Mount:
        ref = mount["ref"] or _SCRATCH
        dest, selector = mount["dest"], mount["selector"]
        if mount["readonly"] or ref["kind"] == "host":
            source, attributes = self._ctx.tree(ref), ATTR_NODEV | ATTR_RDONLY
        elif ref["kind"] == "layers":
            source, attributes = self._staging(mount).path, ATTR_NODEV
        else:
            return ScratchMount(
                dest=dest,
                source=self._ctx.tree(ref),
                selector=selector,
                upper=self._ctx.directory("u"),
                work=self._ctx.directory("w"),
                options="redirect_dir=nofollow,userxattr" if self._ctx.rootless else "index=off,redirect_dir=off",
            )
        return BindMount(dest=dest, source=source, selector=selector, attributes=attributes)


def _attributes(mount: Mapping[str, Any]) -> int:
    return ATTR_NODEV | (ATTR_RDONLY if mount["readonly"] else 0)


def _secret(mount: Mapping[str, Any]) -> FileMount:
    secret = mount["secret"]
    mode = secret.get("mode")
    return FileMount(
        dest=mount["dest"],
        data=secret["data"],
        uid=int(secret.get("uid") or 0),
        gid=int(secret.get("gid") or 0),
        mode=_DEFAULT_SECRET_MODE if mode is None else int(mode),
    )
