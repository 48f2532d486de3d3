# SPDX-License-Identifier: Apache-2.0
"""Caps: the names by which BuildKit's clients say what an op needs of a daemon, so that an old one refuses it at once.

They are derived from the op when a graph is written for BuildKit, as its own client does; ladle needs none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from ladle.llb.definition import Definition
from ladle.llb.metadata import OpMetadata
from ladle.llb.ops import BuildOp, DiffOp, ExecOp, FileOp, MergeOp, SourceOp
from ladle.llb.ops.exec import NetMode, SecurityMode
from ladle.llb.ops.mount import ContentCache, Mount, MountType

_SOURCES = {
    "docker-image": "source.image",
    "oci-layout": "source.ocilayout",
    "local": "source.local",
    "git": "source.git",
    "http": "source.http",
    "https": "source.http",
}
_ATTRIBUTES = {
    "image.resolvemode": "source.image.resolvemode",
    "image.layerlimit": "source.image.layerlimit",
    "local.excludepatterns": "source.local.excludepatterns",
    "local.includepattern": "source.local.includepatterns",
    "local.followpaths": "source.local.followpaths",
    "local.sharedkeyhint": "source.local.sharedkeyhint",
    "local.differ": "source.local.differ",
    "local.metadatatransfer": "source.local.metadatatransfer",
    "git.fullurl": "source.git.fullurl",
    "git.keepgitdir": "source.git.keepgitdir",
    "git.knownsshhosts": "source.git.knownsshhosts",
    "git.mountsshsock": "source.git.mountsshsock",
    "git.checksum": "source.git.checksum",
    "http.checksum": "source.http.checksum",
    "http.perm": "source.http.perm",
    "http.uid": "soruce.http.uidgid",  # as BuildKit spells it
    "http.gid": "soruce.http.uidgid",
}
_OF_MOUNTS = {
    MountType.SECRET: ("exec.mount.secret",),
    MountType.SSH: ("exec.mount.ssh",),
    MountType.CACHE: ("exec.mount.cache", "exec.mount.cache.sharing"),
    MountType.TMPFS: ("exec.mount.tmpfs",),
}


def with_caps(definition: Definition) -> Definition:
    """Return a definition whose metadata names the caps that each op needs."""
    metadata = dict(definition.metadata)
    for vertex in definition.vertices:
        said = definition.metadata_of(vertex)
        found = {*said.caps, *caps_of(vertex.op), *_of_metadata(said)}
        metadata[vertex.digest] = replace(said, caps=tuple(sorted(found)))
    return Definition(results=definition.results, metadata=metadata, locations=definition.locations)


def caps_of(op: object) -> set[str]:
    """Return the caps of one op."""
    found = _KINDS.get(type(op))
    return set(found(op)) if found is not None else set()


def _of_metadata(said: OpMetadata) -> Iterator[str]:
    if said.ignore_cache:
        yield "meta.ignorecache"
    if said.export_cache is not None:
        yield "meta.exportcache"


def _of_source(op: SourceOp) -> Iterator[str]:
    if op.scheme in _SOURCES:
        yield _SOURCES[op.scheme]
    if op.scheme == "local":
        yield "source.local.sessionid"
    names = [name for name, _ in op.attrs]
    yield from (_ATTRIBUTES[name] for name in names if name in _ATTRIBUTES)
    if "git.mountsshsock" in names:
        yield "source.git.knownsshhosts"


def _of_exec(op: ExecOp) -> Iterator[str]:
    meta = op.meta
    yield from ("exec.meta.base", "exec.meta.setsdefaultpath", "exec.mount.bind")
    asked: dict[str, object] = {
        "exec.meta.network": op.network is not NetMode.UNSET,
        "exec.meta.security": op.security is not SecurityMode.SANDBOX,
        "exec.meta.proxyenv": meta.proxy_env,
        "exec.meta.ulimit": meta.ulimit,
        "exec.cgroup.parent": meta.cgroup_parent,
        "exec.validexitcode": meta.valid_exit_codes,
        "exec.meta.cdi": op.cdi_devices,
        "exec.secretenv": op.secret_env,
        "exec.mount.secret": op.secret_env,
    }
    yield from (name for name, needed in asked.items() if needed)
    for mount in op.mounts:
        yield from _of_mount(mount)


def _of_mount(mount: Mount) -> Iterator[str]:
    yield from _OF_MOUNTS.get(mount.mount_type, ())
    if mount.selector:
        yield "exec.mount.selector"
    if mount.tmpfs_opt is not None and mount.tmpfs_opt.size:
        yield "exec.mount.tmpfs.size"
    if mount.content_cache is not ContentCache.DEFAULT:
        yield "exec.mount.cache.content"


def _of_build(op: BuildOp) -> Iterator[str]:
    if op.attrs:
        yield "source.buildop.llb.filename"


_KINDS: dict[type, Callable[[Any], Iterator[str]]] = {
    SourceOp: _of_source,
    ExecOp: _of_exec,
    FileOp: lambda _: iter(("file.base",)),
    MergeOp: lambda _: iter(("mergeop",)),
    DiffOp: lambda _: iter(("diffop",)),
    BuildOp: _of_build,
}
