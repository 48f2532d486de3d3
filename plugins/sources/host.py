# SPDX-License-Identifier: Apache-2.0
"""`host://`: the machine as a base without any image (DESIGN section 8).

`host://` is a small skeleton snapshot; `host:///usr` and the like are the machine's own directories, mounted read-only
on each RUN and never digested, exported or copied from.
"""

from __future__ import annotations

import os
from hashlib import sha256
from typing import TYPE_CHECKING, ClassVar

from ladle.core.api.errors import BuildError
from ladle.core.api.frontend import HostBase
from ladle.core.api.refs import layers_ref
from ladle.core.api.source import Pin
from ladle.core.oci.media import OCI_LAYER

if TYPE_CHECKING:
    from ladle.core.api.frontend import ResolvedImage
    from ladle.core.api.refs import Ref
    from ladle.core.api.services import Services
    from ladle.llb.ops import Platform, SourceOp
    from ladle.plugins.sources.host_skeleton import Skeleton

_SKELETON = "host-skeleton"
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class HostSource:
    """The machine that builds. `machine` is where its root is: another directory in tests."""

    SCHEMES: ClassVar[tuple[str, ...]] = ("host",)

    def __init__(self, services: Services, *, machine: str = "") -> None:
        self._services = services
        self._machine = machine
        self._skeleton: Skeleton | None = None
        self._key = ""

    def resolve(self, ref: str, *, platform: Platform, scheme: str) -> ResolvedImage:  # noqa: ARG002 (the contract's)
        """Refuse: the machine has no image config; `resolve_host` is what frontends ask."""
        raise BuildError(f"host://{ref} is this machine, not an image", code="LA0218")

    def resolve_host(self) -> HostBase:
        """Return which directories of the machine RUN steps get."""
        self._check_allowed()
        return HostBase(dirs=self._read_skeleton().mounts, env=(_PATH,))

    def identity(self) -> str:
        """Return what identifies the machine as a base, for the cache of compiled build files and cached builds."""
        from ladle.plugins.sources.host_paths import host_identity

        return host_identity(self._services.facts, self._machine)

    def pin(self, op: SourceOp, platform: Platform | None) -> Pin:  # noqa: ARG002 (the contract's)
        """Return the skeleton's content digest, or the machine's key with the ref of one of its directories."""
        self._check_allowed()
        path = op.ref
        if not path:
            return Pin(key=f"skeleton {self._read_skeleton().digest}")
        mounts = self._read_skeleton().mounts
        if path not in mounts:
            raise BuildError(
                f"{op.identifier}: only {', '.join(mounts)} of the machine can be used",
                code="LA0213",
                help="give any other directory with --build-context NAME=DIR",
            )
        return Pin(key=f"machine {self._machine_key()} {path}", ref={"kind": "host", "path": self._machine + path})

    async def fetch(self, op: SourceOp, platform: Platform | None, pin: Pin) -> Ref:  # noqa: ARG002 (the contract's)
        """Return the directory's ref, or make the skeleton unless an equal one is in the store."""
        if pin.ref is not None:
            return pin.ref
        from ladle.core.build.threads import flight

        skeleton = self._read_skeleton()
        async with flight(self._services, f"{_SKELETON} {skeleton.digest}"):
            known = self._known(skeleton)
            return layers_ref([known or await self._made(skeleton)])

    def _known(self, skeleton: Skeleton) -> str:
        snapshot = (self._services.facts.get(_SKELETON, skeleton.digest) or b"").decode()
        return snapshot if snapshot and self._services.snapshots.hold([snapshot]) else ""

    async def _made(self, skeleton: Skeleton) -> str:
        """Have the worker unpack the skeleton as a layer by itself."""
        snapshots, blobs = self._services.snapshots, self._services.blobs
        tar = skeleton.tar()
        digest = f"sha256:{sha256(tar).hexdigest()}"
        snapshot, path = snapshots.allocate(), blobs.temporary()
        args = {
            "parents": [],
            "snapshot": snapshot,
            "blob": path,
            "media_type": OCI_LAYER,
            "digest": digest,
            "size": len(tar),
            "diff_id": digest,
        }
        try:
            with open(path, "xb") as file:
                file.write(tar)
            await self._services.worker.run("apply", args)
        finally:
            os.unlink(path)
        snapshots.commit(snapshot)
        self._services.facts.put(_SKELETON, skeleton.digest, snapshot.encode())
        return snapshot

    def _read_skeleton(self) -> Skeleton:
        if self._skeleton is None:
            from ladle.plugins.sources.host_skeleton import read_skeleton

            self._skeleton = read_skeleton(self._machine)
        return self._skeleton

    def _machine_key(self) -> str:
        if not self._key:
            from ladle.plugins.sources.host_key import machine_key

            self._key = machine_key(self._services.facts, self._machine)
        return self._key

    def _check_allowed(self) -> None:
        if not self._services.allow_host:
            raise BuildError(
                "this build may not use the machine as a base (host://)",
                code="LA0213",
                help="--allow host lets it; its RUN steps then see this machine's /usr",
            )
